/** A frame that cannot be read: cut off, too large, nested too deep, or nothing that this protocol writes. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}
