// What Protocol's handlers hand to Update. Private to the folder.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "operators/identity/protocol.h"

namespace leadflow {

// A moved cluster as it came.
struct Protocol::Arrival {
  Journey journey;
  LinkTable table;
  Resolution resolution;
};

struct Protocol::Change {
  LinkTable after;
  const Entry* insert = nullptr;
  const Record* put = nullptr;
  const Record* take_back = nullptr;  // the stored one
  Arrival* arrived = nullptr;
};

// Payloads and records that an erasure covers.
struct Protocol::Strip {
  struct Key {
    std::uint64_t key;
    std::int64_t time_ms;
  };
  std::vector<Key> stored, arrived;
  std::vector<std::string> stored_records, arrived_records;
  std::vector<Identifier> homes;  // whose leads lose something

  bool empty() const {
    return stored.empty() && arrived.empty() && stored_records.empty() && arrived_records.empty();
  }
};

// The leads of a table that hold something.
struct Protocol::Leads {
  Leads(const LinkTable& of, const Resolution& by);

  // The part of the journey that is lead `i`; null: all of it.
  HomeFilter Filter(std::size_t i) const;
  std::size_t size() const { return homes.size(); }

  const LinkTable& table;
  const Resolution& resolution;
  std::vector<std::vector<Identifier>> homes;  // by lead, ascending
};

}  // namespace leadflow
