import { HttpError } from '@proffer/sdk/service';
import { invalid, Refusal } from '../core/index.js';

const STATUS: Readonly<Record<Refusal['kind'], number>> = {
  badRequest: 400,
  notFound: 404,
  conflict: 409,
  locked: 409,
  invalid: 422,
};

/** Runs a route; a Refusal becomes the answer that Marathon's clients know. */
export async function answering<T>(route: () => T | Promise<T>): Promise<T> {
  try {
    return await route();
  } catch (error) {
    throw error instanceof Refusal ? toHttpError(error) : error;
  }
}

/** One field is wrong. */
export function invalidField(path: string, error: string): Refusal {
  return invalid([{ path, errors: [error] }]);
}

function toHttpError(refusal: Refusal): HttpError {
  const body = {
    message: refusal.message,
    ...(refusal.faults.length === 0 ? {} : { details: refusal.faults }),
    ...(refusal.deployments.length === 0 ? {} : { deployments: refusal.deployments.map((id) => ({ id })) }),
  };
  return new HttpError(STATUS[refusal.kind], refusal.message, { body, cause: refusal });
}
