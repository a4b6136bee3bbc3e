/** What a seccomp program depends on besides its rules. */
export interface SeccompSurroundings {
  /** Capabilities the task will have, without `CAP_`: what needs one of them is open to who has it. */
  readonly capabilities: readonly string[];
}

/** A profile in the JSON format of container engines, as text or parsed. */
export type SeccompProfile = string | object;
