// Expression: a typed, CEL-like condition or value of the config file, compiled once to flat code and
// evaluated per event in nanoseconds. No loops, no side effects, fixed cost.
//
// Null rules: a missing field is null; every comparison with null is false, `!=` too; arithmetic and
// functions of null are null (but coalesce, has, concat, hash); a null condition is false.
// Compile is thread-safe; a compiled Expression is immutable and shared; each thread has its own
// EvalArena.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/diagnostics.h"
#include "engine/config/value.h"

namespace leadflow {

// One step of `$.a["b-c"][0]`: a key, or an index (`key` empty, `index` >= 0).
struct PathStep {
  std::string key;
  int index = -1;
};

// What names mean at compile time.
class Scope {
 public:
  struct Slot {
    int number;  // handed to FieldSource::Field at run time
    ValueType type;
  };
  virtual ~Scope() = default;

  // A dotted name: `kind`, `utm.source`, `labels.test`. nullopt: there is no such field.
  virtual std::optional<Slot> Name(std::string_view dotted) = 0;
  // A path that begins with `$`. nullopt: this scope has no message.
  virtual std::optional<Slot> Path(const std::vector<PathStep>& path) = 0;
  // For "did you mean".
  virtual std::vector<std::string_view> names() const = 0;
};

// Where values come from at run time. Strings must outlive the evaluation.
class FieldSource {
 public:
  virtual ~FieldSource() = default;
  virtual Value Field(int slot) const = 0;
};

// Owns the strings that an evaluation makes; Reset when they are no longer needed.
class EvalArena {
 public:
  std::string_view Keep(std::string_view bytes);
  char* Allocate(std::size_t size);
  void Reset();

 private:
  static constexpr std::size_t kBlock = 16 * 1024;
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  std::vector<Block> blocks_;
  std::size_t block_ = 0;  // index of the block in use
  std::size_t used_ = 0;
};

class Expression {
 public:
  // Compiles `text`. Every mistake goes to `diagnostics` with its place: `at` is where the text's
  // first character stands. Returns nullptr if there was one. `expected`: the type asked for (kBool
  // for conditions), or kAny. `zone`: what parse_time uses without one; empty: it is an error there.
  static std::unique_ptr<const Expression> Compile(std::string_view text, Position at, Scope& scope,
                                                   ValueType expected, std::string_view zone,
                                                   Diagnostics* diagnostics);
  virtual ~Expression() = default;

  virtual Value Evaluate(const FieldSource& fields, EvalArena& arena) const = 0;
  virtual ValueType type() const = 0;
  virtual std::string_view text() const = 0;
  // Slots that it reads, ascending, each once.
  virtual const std::vector<int>& slots() const = 0;

  bool Matches(const FieldSource& fields, EvalArena& arena) const {
    return Evaluate(fields, arena).IsTrue();
  }
};

}  // namespace leadflow
