// The schemas of rows on topics (`format: protobuf`), and the registry that keeps them: the
// subjects TOPIC-key and TOPIC-value.
//
// A key begins with the id of its schema. With another id every row would have another key beside
// its old one, so a subject of keys never gets a second schema from here: that is an error.
#pragma once

#include "engine/base/status.h"
#include "operators/kpi/row_feed.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

// Registers what is not there yet. Empty if no output has this format; then nobody is asked.
Result<SchemaIdsByTopic> RegisterRowSchemas(const Pipeline& pipeline);

// Reports what would keep RegisterRowSchemas from it, and registers nothing. `ask`: false leaves
// the registry alone, and looks only at what the columns of rows say.
void CheckRowSchemas(const Pipeline& pipeline, bool ask, Diagnostics* diagnostics);

}  // namespace leadflow::app
