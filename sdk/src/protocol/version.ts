/** The protocol this build speaks, and the oldest one it still understands: N speaks with N-1 on every wire. */
export const PROTOCOL_VERSION = 1;
export const PROTOCOL_VERSION_MIN = 1;
