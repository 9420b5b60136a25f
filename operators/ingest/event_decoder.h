// EventDecoder: from one raw message of a source to canonical events. Implemented by
// connectors/formats, one per source; used by one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/api/operator.h"
#include "engine/base/status.h"
#include "operators/event/event.h"

namespace leadflow {

class EventDecoder {
 public:
  // `event` is valid during the call only.
  using Accept = std::function<void(Event& event)>;
  // A part of the message (or all of it) that is no event, and why: "no field `id`".
  using Refuse = std::function<void(std::string_view reason, std::string_view bytes)>;
  // Skipped on purpose (a kind the preset has no use for): counted, not kept.
  using Skip = std::function<void(std::string_view reason)>;

  virtual ~EventDecoder() = default;

  // `log_time_ms`: default for nothing; only for formats that carry no time of their own say so.
  // Decoding fills id, time, kind, identifiers (trimmed, not yet sorted), fields, labels, profile.
  virtual void Decode(std::string_view message, const Accept& accept, const Refuse& refuse,
                      const Skip& skip) = 0;

  // The same for a record of a topic that has something beside its value. REQUIRES: record.extras
  virtual void DecodeRecord(const MessageView& record, const Accept& accept, const Refuse& refuse,
                            const Skip& skip) {
    Decode(record.value, accept, refuse, skip);
  }

  // CSV and TSV: the header line of the file that the next messages come from. Empty: it has none.
  virtual Status SetHeader(std::string_view header) = 0;
};

}  // namespace leadflow
