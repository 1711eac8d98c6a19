// MQTT 3.1, 3.1.1 and 5.
#pragma once

#include "head.h"

namespace limpet {

// The client identifier of CONNECT. A client may leave it empty for the server to choose one: no key.
Extraction mqtt_client_id(Bytes head);

}  // namespace limpet
