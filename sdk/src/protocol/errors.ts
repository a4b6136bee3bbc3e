/** The codes that travel in ERROR, RESET and REJECTED messages. Stable: scheduler code may switch on them. */
export const PROTOCOL_ERRORS = {
  AGENT_GONE: 'the agent was marked gone by an operator and cannot come back under its id',
  CLOSED: 'the other side ended the link in good order',
  DISCONNECTED: 'the connection was lost, or the peer began its next session',
  FRAMEWORK_FAILED_OVER: 'another scheduler took over this framework',
  FRAMEWORK_NAME_IN_USE: 'a scheduler of this name and principal is connected',
  FRAMEWORK_REMOVED: 'the framework was torn down, or its failover timeout ended',
  GAP: 'a frame is missing in this session',
  INVALID_MESSAGE: 'a message does not fit its schema',
  MALFORMED_FRAME: 'a frame could not be decoded',
  NOT_REGISTERED: 'the first message of a link must register or subscribe',
  NOT_LEADER: 'this master is not the leader',
  PEER_LOST: 'the peer did not answer pings',
  OUTBOX_FULL: 'the peer does not read fast enough',
  UNKNOWN_SESSION: 'the session is not known here',
  UNSUPPORTED_VERSION: 'the two sides have no version of the protocol in common',
} as const;

export type ProtocolErrorCode = keyof typeof PROTOCOL_ERRORS;
