// The key of the identifier hash. All that write to one state must have the same one, and it never
// changes: the pipeline names it, or it is made at random with the state and kept there.
#pragma once

#include <optional>
#include <string>

#include "app/job.h"
#include "engine/base/hash.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

// The topic that keeps the key of a state that processes share.
TopicSpec IdentityTopic(const std::string& app);

// Of a state that one process has: kept in its directory. `create`: make it if there is none.
Result<KeyedHash::Key> IdentifierKey(const Pipeline& pipeline, const StateLayout& layout,
                                     bool create);

// Of a state that processes share: kept in its topic, with a copy in the directory for
// those who look into it later. Whoever comes first makes it: that of a savepoint, or at random.
Result<KeyedHash::Key> SharedIdentifierKey(const Pipeline& pipeline, const StateLayout& layout,
                                           Log& log,
                                           const std::optional<KeyedHash::Key>& saved = {});

// The key in a file; readable by its owner only.
Result<KeyedHash::Key> ReadKeyFile(const std::string& path);
Status WriteKeyFile(const KeyedHash::Key& key, const std::string& path);

// Tells keys apart, and nothing else of them.
std::string FingerprintOf(const KeyedHash::Key& key);

}  // namespace leadflow::app
