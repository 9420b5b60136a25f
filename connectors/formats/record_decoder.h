// The decoder of records of topics: opens what they come wrapped in and gives the rest to the
// decoder of their format. What a record is wrapped in is seen by its structure:
//
//   Kafka Connect   {"schema": .., "payload": ..} and nothing else: the payload stands for it
//   Debezium        {"before": .., "after": .., "source": {..}, "op": ..}: a change of a row
//   CloudEvents     {"specversion": .., "id": .., "type": .., "source": .., "data": ..}, or the
//                   same as headers ce_specversion, ce_id, .. beside the data (binary mode)
//
// Mappings of one's own see changes and cloud events as they stand above; `data` is the value of
// the record in binary mode. Presets and canonical events see the row after the change, or the
// data.
//
// Skipped: records without a value, and changes that leave no row (a delete, unless the mapping
// looks at `op` or `before`; a truncate).
#pragma once

#include <memory>

#include "operators/ingest/event_decoder.h"

namespace leadflow {

struct RecordOptions {
  bool envelopes = false;  // The format's decoder sees changes and cloud events whole.
  bool deletes = false;    // It wants deletes too.
};

std::unique_ptr<EventDecoder> MakeRecordDecoder(std::unique_ptr<EventDecoder> format,
                                                const RecordOptions& options);

}  // namespace leadflow
