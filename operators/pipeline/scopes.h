// What names mean in the expressions of a pipeline: `$` paths in the mappings of a source, fields
// of events everywhere else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/expression.h"
#include "operators/event/entry.h"

namespace leadflow {

// `$.a.b` of the messages of one source. Numbers the paths in `paths`, which is borrowed.
class MessageScope final : public Scope {
 public:
  explicit MessageScope(std::vector<std::vector<PathStep>>* paths) : paths_(*paths) {}
  std::optional<Slot> Name(std::string_view dotted) override;
  std::optional<Slot> Path(const std::vector<PathStep>& path) override;
  std::vector<std::string_view> names() const override;

 private:
  std::vector<std::vector<PathStep>>& paths_;
};

struct EventScopeOptions {
  bool identifiers = false;                // plain ones: before ingest hashes them
  bool score = false;                      // `score`
  bool visit = false;                      // bounce, page_views, dwell_time, ...
  bool touches = false;                    // of an order or deal
  bool own_channel = false;                // `channel` is the occurrence's
  bool sites = false;                      // referrer.site and the like
  bool traits_only = false;                // personas
  std::uint64_t keep = ~std::uint64_t{0};  // fields that are there
};

class EventScope final : public Scope {
 public:
  // `names` outlives it.
  EventScope(const EventScopeOptions& options, NameTable* names);
  std::optional<Slot> Name(std::string_view dotted) override;
  std::optional<Slot> Path(const std::vector<PathStep>& path) override;
  std::vector<std::string_view> names() const override;

  // Why a name that exists elsewhere is none here; empty if there is nothing special to say.
  std::string WhyNot(std::string_view dotted) const;

 private:
  EventScopeOptions options_;
  NameTable& names_;
};

}  // namespace leadflow
