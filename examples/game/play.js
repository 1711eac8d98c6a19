// node play.js PORT PLAYER [FROM]: says hello, prints the answer, and leaves. FROM: an address of this host to play from.
import { connect } from 'node:net'
import { frame, frames, HELLO } from './protocol.js'

const [port = '7300', player = 'ann', localAddress = '127.0.0.1'] = process.argv.slice(2)
const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress })
socket.write(frame(HELLO, player))
for await (const { text } of frames(socket)) {
  console.log(text)
  break
}
