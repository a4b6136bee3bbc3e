import { requestJson } from '../api/request.js';
import type { Missing } from './summary.js';

/** What tasks go without here, as an agent found it out. */
export async function notIsolated(agentAddress: string): Promise<readonly Missing[]> {
  const agent = { name: 'agent', url: `http://${agentAddress}`, hint: '' };
  const state = (await requestJson(agent, 'GET', '/state')) as { readonly isolation: { readonly missing: readonly Missing[] } };
  return state.isolation.missing;
}
