// Stick tables in files of a directory that is gone at the end.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "core/stick_table.h"
#include "support/tables.h"

namespace limpet::test {

class Directory {
 public:
  explicit Directory(const std::filesystem::path& base = std::filesystem::temp_directory_path()) {
    std::string name = (base / "limpet-table-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_file(const std::string& path) {
  std::string bytes(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

struct FileTableOptions {
  size_t size = 1000;
  uint64_t ttl_ms = 60'000;
  KeyRules keys{32, 64, {}};
  uint64_t secret = 7;
};

inline TableMoment moment(uint64_t monotonic_ms, uint64_t wall_ms, uint8_t boot = 1) {
  TableMoment at{monotonic_ms, wall_ms, {}};
  at.boot[0] = boot;
  return at;
}

// What became of opening a table in a file: the table, or why there is none.
struct FileTable {
  FileTable(const std::string& path, const TableMoment& now, const FileTableOptions& options = {}) : live(64) {
    const TableShape shape{options.size, StickTable::bytes_of(options.size), options.ttl_ms, options.keys};
    auto file = TableFile::open(path, shape, now, make_secret(options.secret), error);
    if (file) table = std::make_unique<StickTable>(options.size, options.ttl_ms, std::move(file), &live, now);
  }

  TableFile& file() { return *table->file(); }
  // What a pool does for each of its backends.
  void name(uint16_t index, const std::string& text, uint16_t generation = 0) {
    file().set_name(index, generation, text);
  }
  Stored store(const AffinityKey& key, const Pin& pin, uint64_t now_ms) {
    return StickTable::Locked(*table, key, table->hash(key)).store(pin, now_ms, false);
  }
  std::optional<StickTable::Found> find(const AffinityKey& key, uint64_t now_ms) const {
    return table->find(key, table->hash(key), now_ms);
  }

  LiveKeys live;
  int error = 0;
  std::unique_ptr<StickTable> table;
};

}  // namespace limpet::test
