// What attribution works on: one conversion and the touches that may be credited with it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace leadflow {

// The first class of dimensions. Empty text: `(none)`; a channel is never empty.
struct TouchDimensions {
  std::string_view channel;
  std::string_view campaign;
  std::string_view source;
  std::string_view medium;
  std::string_view landing_page;
  std::string_view fair;
  bool operator==(const TouchDimensions&) const = default;
};

// One touch of an attributed conversion.
struct CreditedTouch {
  TouchDimensions dimensions;
  std::int64_t time_ms = 0;
  bool direct = false;  // its channel is `Direct`
};

struct Conversion {
  // Oldest first, at most max_touches. Empty: Unattributed.
  std::span<const CreditedTouch> touches;
  // Index of the touch of a milestone, -1: missing.
  int first = -1, creation = -1, opportunity = -1, conversion = -1;
  bool opportunity_reached = false;  // by the time of the conversion (w_shape)
};

}  // namespace leadflow
