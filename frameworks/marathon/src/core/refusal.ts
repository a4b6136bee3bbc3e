/** One field that is wrong, by its JSON pointer (`/instances`), and what is wrong with it. */
export interface FieldFault {
  readonly path: string;
  readonly errors: readonly string[];
}

/** Why a call of the API is refused. Nothing has changed. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** `badRequest`: the call does not make sense; `invalid`: the definition does not; `locked`: deployments are at it. */
  readonly kind: 'badRequest' | 'notFound' | 'conflict' | 'locked' | 'invalid';
  readonly faults: readonly FieldFault[];
  readonly deployments: readonly string[];

  constructor(
    kind: Refusal['kind'],
    message: string,
    details: { readonly faults?: readonly FieldFault[]; readonly deployments?: readonly string[] } = {},
  ) {
    super(message);
    this.kind = kind;
    this.faults = details.faults ?? [];
    this.deployments = details.deployments ?? [];
  }
}

/** The definition has these faults. */
export function invalid(faults: readonly FieldFault[]): Refusal {
  return new Refusal('invalid', 'Object is not valid', { faults });
}
