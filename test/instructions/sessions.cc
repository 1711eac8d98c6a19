// Sessions, one after the other: accepted, picked, connected, 64 bytes each way, closed by the client.
//   sessions COUNT
#include <cstdlib>

#include "lockstep.h"

int main(int, char** argv) {
  limpet::test::Lockstep relay;
  for (int i = std::atoi(argv[1]); i > 0; i--) {
    relay.open();
    relay.round_trip();
    relay.close();
  }
  return relay.finish();
}
