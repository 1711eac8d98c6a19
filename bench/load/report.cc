#include "report.h"

#include <cstdio>
#include <cstring>

namespace limpet::bench {

std::string faults_json(const Faults& faults) {
  JsonObject json;
  json.add("total", faults.total());
  for (size_t i = 0; i < kFaultNames.size(); i++) json.add(kFaultNames[i], faults.of(i));
  json.add_raw("error", faults.error() == 0 ? "null" : std::string("\"") + std::strerror(faults.error()) + "\"");
  return json.text();
}

std::string latency_json(const Histogram& latency) {
  JsonObject json;
  json.add("count", latency.total()).add("p50", latency.quantile(500)).add("p99", latency.quantile(990));
  return json.add("p999", latency.quantile(999)).add("most", latency.most()).text();
}

std::string numbers_json(const std::vector<uint64_t>& numbers) {
  std::string text;
  for (const uint64_t number : numbers) {
    text += text.empty() ? '[' : ',';
    text += std::to_string(number);
  }
  return text.append("]");
}

void print(const JsonObject& object) {
  std::printf("%s\n", object.text().c_str());
  std::fflush(stdout);
}

}  // namespace limpet::bench
