// What a run found, as one line of JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faults.h"
#include "histogram.h"

namespace limpet::bench {

// `{"name":…,…}` of whole numbers.
class JsonObject {
 public:
  JsonObject& add(const std::string& name, uint64_t value) { return add_raw(name, std::to_string(value)); }
  JsonObject& add_raw(const std::string& name, const std::string& json) {
    text_ += (text_.empty() ? "\"" : ",\"") + name + "\":" + json;
    return *this;
  }
  std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::string faults_json(const Faults& faults);
std::string latency_json(const Histogram& latency);
std::string numbers_json(const std::vector<uint64_t>& numbers);

// Writes the line, at once.
void print(const JsonObject& object);

}  // namespace limpet::bench
