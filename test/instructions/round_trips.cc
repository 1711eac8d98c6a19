// Round trips of 64 bytes on one open session.
//   round_trips COUNT
#include <cstdlib>

#include "lockstep.h"

int main(int, char** argv) {
  limpet::test::Lockstep relay;
  relay.open();
  for (int i = std::atoi(argv[1]); i > 0; i--) relay.round_trip();
  relay.close();
  return relay.finish();
}
