/** What is known of a refused request besides its message. */
export interface HttpErrorDetails {
  /** Stable name of the kind of error; derived from the status when absent. */
  readonly code?: string;
  /** The field that is wrong: `instances`, `portDefinitions[0].port`. */
  readonly field?: string;
  readonly expected?: string;
  readonly got?: string;
  /** The whole body, for an API with a form of its own. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** The body of every error, unless the service has a form of its own. */
export interface ErrorBody {
  readonly message: string;
  readonly code: string;
  readonly field?: string;
  readonly expected?: string;
  readonly got?: string;
}

const CODES: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  409: 'CONFLICT',
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  422: 'INVALID',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

/** An answer other than success: throw it in a route, and the client gets its status and body. */
export class HttpError extends Error {
  readonly statusCode: number;
  readonly code: string;
  readonly details: HttpErrorDetails;

  constructor(statusCode: number, message: string, details: HttpErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'HttpError';
    this.statusCode = statusCode;
    this.code = details.code ?? CODES[statusCode] ?? `HTTP_${statusCode}`;
    this.details = details;
  }

  /** `{ message, code, field?, expected?, got? }`. */
  toBody(): ErrorBody {
    const { field, expected, got } = this.details;
    return {
      message: this.message,
      code: this.code,
      ...(field === undefined ? {} : { field }),
      ...(expected === undefined ? {} : { expected }),
      ...(got === undefined ? {} : { got }),
    };
  }
}

/** 422 (or `status`) for one field: says which, what was expected and what came. */
export function fieldError(field: string, expected: string, got: unknown, status = 422): HttpError {
  const shown = show(got);
  return new HttpError(status, `${field} must be ${expected}, got ${shown}`, {
    code: 'INVALID_FIELD',
    field,
    expected,
    got: shown,
  });
}

/** Longest piece of a client's own input that an error repeats. */
const SHOWN_LENGTH_MAX = 100;

/** A value as an error shows it: JSON, cut to a length that fits a line. */
export function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? typeof value);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}
