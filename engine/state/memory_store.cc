#include "engine/state/memory_store.h"

#include <utility>

#include "engine/base/check.h"

namespace leadflow {
namespace {

// REQUIRES: the mutex of `data` is held
void GoBack(MemoryStore::Data* data) {
  for (auto& [key, value] : data->undo) {
    if (value) {
      data->committed[key] = std::move(*value);
    } else {
      data->committed.erase(key);
    }
  }
  data->undo.clear();
  data->applied = data->durable;
}

}  // namespace

MemoryStore::MemoryStore(std::shared_ptr<Data> data)
    : data_(std::move(data)), life_(data_->crashes) {}

MemoryStore::~MemoryStore() {
  const std::lock_guard guard(data_->mutex);
  if (data_->crashes == life_) data_->open = false;
}

Status MemoryStore::Alive() const {
  if (data_->crashes == life_) return {};
  return {ErrorCode::kInternal, "simulated crash"};
}

Result<std::optional<std::string>> MemoryStore::Get(std::string_view key) {
  auto written = staged_.Find(key);
  if (!written) written = sealed_.Find(key);
  if (written) {
    if (!written->value) return std::optional<std::string>();
    return std::optional<std::string>(*written->value);
  }
  const std::lock_guard guard(data_->mutex);
  LEADFLOW_RETURN_IF_ERROR(Alive());
  const auto found = data_->committed.find(key);
  if (found == data_->committed.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

Status MemoryStore::MultiGet(std::span<const std::string_view> keys,
                             std::vector<std::optional<std::string>>* values) {
  values->clear();
  values->reserve(keys.size());
  for (const std::string_view key : keys) {
    LEADFLOW_ASSIGN_OR_RETURN(std::optional<std::string> value, Get(key));
    values->push_back(std::move(value));
  }
  return {};
}

Status MemoryStore::Scan(std::string_view prefix, const Visit& visit) {
  return Overlay(staged_.WithPrefix(prefix), visit, [&](const Visit& sealed) {
    return Overlay(sealed_.WithPrefix(prefix), sealed,
                   [&](const Visit& below) { return ScanCommitted(prefix, below); });
  });
}

Status MemoryStore::ScanCommitted(std::string_view prefix, const Visit& visit) const {
  std::vector<std::pair<std::string, std::string>> found;
  {
    const std::lock_guard guard(data_->mutex);
    LEADFLOW_RETURN_IF_ERROR(Alive());
    for (auto at = data_->committed.lower_bound(prefix);
         at != data_->committed.end() && at->first.starts_with(prefix); ++at) {
      found.emplace_back(*at);
    }
  }
  for (const auto& [key, value] : found) {
    if (!visit(key, value)) break;
  }
  return {};
}

void MemoryStore::VisitStaged(
    const std::function<void(std::string_view key, std::optional<std::string_view> value)>& visit)
    const {
  for (const StagedWrites::Write& write : staged_.All()) visit(write.key, write.value);
}

void MemoryStore::Write(Data* data, std::string_view key, std::optional<std::string_view> value) {
  const auto found = data->committed.find(key);
  if (!data->undo.contains(key)) {
    data->undo.emplace(key, found == data->committed.end()
                                ? std::nullopt
                                : std::optional<std::string>(found->second));
  }
  if (!value) {
    if (found != data->committed.end()) data->committed.erase(found);
  } else if (found != data->committed.end()) {
    found->second.assign(*value);
  } else {
    data->committed.emplace(key, *value);
  }
}

void MemoryStore::Seal() {
  LEADFLOW_CHECK(!is_sealed_);
  std::swap(staged_, sealed_);
  is_sealed_ = true;
}

Status MemoryStore::Apply(std::int64_t changelog_offset) {
  if (!is_sealed_) Seal();
  const std::lock_guard guard(data_->mutex);
  LEADFLOW_RETURN_IF_ERROR(Alive());
  for (const StagedWrites::Write& write : sealed_.All()) Write(data_.get(), write.key, write.value);
  data_->applied = changelog_offset;
  sealed_.Clear();
  is_sealed_ = false;
  return {};
}

void MemoryStore::DropStaged() {
  staged_.Clear();
  sealed_.Clear();
  is_sealed_ = false;
}

Status MemoryStore::Restore(std::span<const Change> changes, std::int64_t changelog_offset) {
  LEADFLOW_CHECK(staged_.empty());
  const std::lock_guard guard(data_->mutex);
  LEADFLOW_RETURN_IF_ERROR(Alive());
  for (const Change& change : changes) Write(data_.get(), change.key, change.value);
  data_->applied = changelog_offset;
  return {};
}

std::int64_t MemoryStore::applied_offset() const {
  const std::lock_guard guard(data_->mutex);
  return data_->applied;
}

std::int64_t MemoryStore::durable_offset() const {
  const std::lock_guard guard(data_->mutex);
  return data_->durable;
}

Status MemoryStore::Flush() {
  const std::lock_guard guard(data_->mutex);
  LEADFLOW_RETURN_IF_ERROR(Alive());
  data_->undo.clear();
  data_->durable = data_->applied;
  return {};
}

void MemoryStore::CrashLose() {
  DropStaged();
  const std::lock_guard guard(data_->mutex);
  GoBack(data_.get());
}

Result<std::unique_ptr<KeyedStore>> MemoryStoreFactory::Open(std::string_view name) {
  LEADFLOW_RETURN_IF_ERROR(CheckStoreName(name));
  const std::lock_guard guard(mutex_);
  auto& data = stores_[std::string(name)];
  if (data == nullptr) data = std::make_shared<MemoryStore::Data>();
  {
    const std::lock_guard data_guard(data->mutex);
    if (data->open) {
      return Status(ErrorCode::kFailedPrecondition,
                    "state store " + std::string(name) + " is open already");
    }
    data->open = true;
  }
  return std::unique_ptr<KeyedStore>(std::make_unique<MemoryStore>(data));
}

Status MemoryStoreFactory::Remove(std::string_view name) {
  LEADFLOW_RETURN_IF_ERROR(CheckStoreName(name));
  const std::lock_guard guard(mutex_);
  const auto found = stores_.find(name);
  if (found == stores_.end()) return {};
  {
    const std::lock_guard data_guard(found->second->mutex);
    LEADFLOW_CHECK(!found->second->open);
  }
  stores_.erase(found);
  return {};
}

void MemoryStoreFactory::Crash() {
  const std::lock_guard guard(mutex_);
  for (auto& [name, data] : stores_) {
    const std::lock_guard data_guard(data->mutex);
    GoBack(data.get());
    data->open = false;
    ++data->crashes;
  }
}

Status CheckStoreName(std::string_view name) {
  bool good = !name.empty() && name.size() <= 200 && name.front() != '.';
  for (const char c : name) {
    good = good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '-' || c == '_');
  }
  if (good) return {};
  return Status::InvalidArgument("`" + std::string(name) + "` cannot name a state store");
}

}  // namespace leadflow
