import type { NativeRelay } from '../native.ts'
import { PROXY_OUT_TLVS, SendProxy, Transparent } from '../native.ts'
import type { SessionSettings } from './session-settings.ts'

/** Tells the native relay how backends of a pool are connected to. */
export function setOutgoing(relay: NativeRelay, poolId: number, { sendProxy, source }: SessionSettings): void {
  const tlvs = sendProxy?.tlvs.reduce((sum, name) => sum | PROXY_OUT_TLVS[name], 0) ?? 0
  const version = sendProxy === undefined ? 'off' : (`v${sendProxy.version}` as const)
  relay.setOutgoing(poolId, SendProxy[version], tlvs, Transparent[source.transparent], source.bind)
}
