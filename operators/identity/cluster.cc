#include "operators/identity/cluster.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::size_t kSmallBytes = 8192;  // of a node in memory
constexpr std::size_t kTrimSteps = 4096;   // of the clock hand per batch of messages

constexpr std::uint8_t kAddressFormat = 1;
constexpr std::uint8_t kHasPointer = 1;
constexpr std::uint8_t kIsShared = 2;
constexpr std::uint8_t kHasCluster = 1;  // of a node
constexpr std::uint8_t kEntryTag = 1;
constexpr std::uint8_t kRecordTag = 2;
// What a node costs beside its journey and table.
constexpr std::size_t kNodeBytes = sizeof(Node) + sizeof(Cluster) + 64;

Status Corrupt(const char* what, const Identifier& identifier) {
  std::string text = std::string(what) + " of identifier ";
  constexpr char kDigits[] = "0123456789abcdef";
  for (const std::uint8_t byte : identifier.bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return Status::Corruption(text + ": bytes mean nothing to this release");
}

}  // namespace

std::string StateKey(char kind, const Identifier& identifier, std::string_view rest) {
  std::string key(1, kind);
  key += identifier.view();
  key += rest;
  return key;
}

const LinkTable& Cluster::table() const {
  static const LinkTable empty;
  return links_ == nullptr ? empty : links_->table;
}

const Resolution& Cluster::resolution() const {
  static const Resolution empty;
  return links_ == nullptr ? empty : links_->resolution;
}

void Cluster::SetLinks(LinkTable table, Resolution resolution) {
  links_.reset();
  if (!table.empty()) {
    links_ = std::make_unique<Links>(Links{std::move(table), std::move(resolution)});
  }
}

std::size_t Cluster::links_bytes() const {
  return links_ == nullptr ? 0 : sizeof(Links) + links_->table.memory_bytes();
}

void Address::Append(std::string* out) const {
  WireWriter writer(out);
  writer.Byte(kAddressFormat);
  writer.Byte(static_cast<std::uint8_t>((pointer ? kHasPointer : 0) | (shared ? kIsShared : 0)));
  if (pointer) writer.Raw(pointer->view());
  writer.Varint(moves);
  for (const Identifier& home : homes) writer.Raw(home.view());
}

bool Address::Read(std::string_view bytes) {
  *this = Address();
  WireReader reader(bytes);
  std::uint8_t format = 0, flags = 0;
  std::string_view raw;
  if (!reader.Byte(&format) || format != kAddressFormat || !reader.Byte(&flags)) return false;
  shared = (flags & kIsShared) != 0;
  if ((flags & kHasPointer) != 0) {
    if (!reader.Raw(16, &raw)) return false;
    pointer = Identifier::From(raw);
  }
  if (!reader.Varint(&moves) || reader.Rest().size() % 16 != 0) return false;
  while (!reader.AtEnd()) {
    if (!reader.Raw(16, &raw)) return false;
    homes.push_back(Identifier::From(raw));
  }
  return true;
}

// Two pointers: what a std::function holds without memory of its own.
Journey::LoadChunk NodeStore::Loader(const Node* node) {
  return [this, node](std::int64_t chunk) -> Result<std::optional<std::string>> {
    std::string key = StateKey('K', node->id);
    WireWriter(&key).Ordered64(chunk);
    return store_.Get(key);
  };
}

Node* NodeStore::Insert(const Identifier& identifier) {
  std::uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot] = std::make_unique<Node>();
  slots_[slot]->id = identifier;
  slots_[slot]->slot = slot;
  index_.emplace(identifier, slots_[slot].get());
  return slots_[slot].get();
}

Status NodeStore::Fill(Node* node, const std::optional<std::string>& bytes) {
  if (bytes) {
    WireReader reader(*bytes);
    std::uint8_t parts = 0;
    std::string_view address, table;
    if (!reader.Byte(&parts) || !reader.Bytes(&address) || !reader.Bytes(&table) ||
        (!address.empty() && !node->address.Read(address))) {
      return Corrupt("node", node->id);
    }
    if ((parts & kHasCluster) != 0) {
      auto journey = Journey::Decode(reader.Rest(), Loader(node));
      if (!journey.ok()) return journey.status();
      node->cluster = std::make_unique<Cluster>(*std::move(journey));
    }
    if (!table.empty()) {
      LinkTable links;
      if (!node->cluster || !links.Read(&table) || !table.empty()) {
        return Corrupt("links", node->id);
      }
      Resolution resolution = Resolve(links, guards_);
      node->cluster->SetLinks(std::move(links), std::move(resolution));
    }
  }
  Measure(node);
  return Status();
}

void NodeStore::Measure(Node* node) {
  std::size_t bytes = kNodeBytes + node->address.homes.size() * 16;
  if (node->cluster) {
    bytes += node->cluster->journey.memory_bytes() + node->cluster->links_bytes();
  }
  bytes_ += bytes - node->bytes;
  node->bytes = bytes;
}

Status NodeStore::GetAll(std::span<const Identifier> identifiers, std::vector<Node*>* nodes) {
  nodes->assign(identifiers.size(), nullptr);
  std::vector<Identifier> missing;
  // The memory of many leads is cold: ask for all of it before the first is needed.
  for (const Identifier& identifier : identifiers) index_.prefetch(identifier);
  for (std::size_t i = 0; i < identifiers.size(); ++i) {
    if (const auto found = index_.find(identifiers[i]); found != index_.end()) {
      (*nodes)[i] = found->second;
      __builtin_prefetch(found->second);
      __builtin_prefetch(reinterpret_cast<const char*>(found->second) + 64);
    } else {
      missing.push_back(identifiers[i]);
    }
  }
  if (!missing.empty()) {
    LEADFLOW_RETURN_IF_ERROR(Load(std::move(missing)));
    for (std::size_t i = 0; i < identifiers.size(); ++i) {
      if ((*nodes)[i] == nullptr) (*nodes)[i] = index_.find(identifiers[i])->second;
    }
  }
  Prefetch(*nodes);
  return Status();
}

// What the first event of each node will touch, one pass for each pointer on the way there: the
// waits of a pass for memory overlap.
void NodeStore::Prefetch(std::span<Node* const> nodes) {
  for (Node* node : nodes) {
    node->used = true;
    if (node->cluster) __builtin_prefetch(node->cluster.get());
  }
  for (int step = 0; step < Journey::kPrefetchSteps; ++step) {
    for (const Node* node : nodes) {
      if (node->cluster) node->cluster->journey.Prefetch(step);
    }
  }
}

Status NodeStore::Load(std::vector<Identifier> missing) {
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  std::vector<std::string> keys;
  keys.reserve(missing.size());
  for (const Identifier& identifier : missing) keys.push_back(StateKey('N', identifier));
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<std::optional<std::string>> values;
  LEADFLOW_RETURN_IF_ERROR(store_.MultiGet(views, &values));
  for (std::size_t i = 0; i < missing.size(); ++i) {
    LEADFLOW_RETURN_IF_ERROR(Fill(Insert(missing[i]), values[i]));
  }
  return Status();
}

Result<Node*> NodeStore::Get(const Identifier& identifier) {
  auto found = index_.find(identifier);
  if (found == index_.end()) {
    LEADFLOW_RETURN_IF_ERROR(Load({identifier}));
    found = index_.find(identifier);
  }
  found->second->used = true;
  return found->second;
}

Cluster& NodeStore::Make(Node* node) {
  LEADFLOW_CHECK(node->cluster == nullptr && !node->address.pointer);
  node->cluster = std::make_unique<Cluster>(Journey(Loader(node)));
  return *node->cluster;
}

Status NodeStore::RemoveCluster(Node* node) {
  node->cluster.reset();
  node->head_dirty = true;
  std::vector<std::string> chunks;
  LEADFLOW_RETURN_IF_ERROR(
      store_.Scan(StateKey('K', node->id), [&](std::string_view key, std::string_view) {
        chunks.emplace_back(key);
        return true;
      }));
  for (const std::string& key : chunks) store_.Delete(key);
  Touch(node);
  return Status();
}

void NodeStore::Touch(Node* node) {
  if (node->changed != transaction_) changed_.push_back(node->id);
  node->changed = transaction_;
  if (!node->dirty) dirty_.push_back(node);
  node->dirty = true;
}

Status NodeStore::WriteNode(Node* node) {
  Cluster* const cluster = node->cluster.get();
  if (cluster != nullptr && before_write_) {
    LEADFLOW_RETURN_IF_ERROR(before_write_(cluster->journey));
  }
  if (node->head_dirty || (cluster != nullptr && cluster->journey.head_dirty())) {
    SetKey('N', node->id);
    EncodeNode(*node);
    if (value_.empty()) {
      store_.Delete(key_);
    } else {
      store_.Put(key_, value_);
    }
    node->head_dirty = false;
  }
  if (cluster != nullptr) {
    SetKey('K', node->id);
    const std::size_t prefix = key_.size();
    cluster->journey.VisitDirtyChunks(
        [&](std::int64_t chunk, std::optional<std::string_view> bytes) {
          key_.resize(prefix);
          WireWriter(&key_).Ordered64(chunk);
          if (bytes) {
            store_.Put(key_, *bytes);
          } else {
            store_.Delete(key_);
          }
        });
    cluster->journey.ClearDirty();
  }
  Measure(node);
  return Status();
}

void NodeStore::SetKey(char kind, const Identifier& identifier) {
  key_.assign(1, kind);
  key_.append(identifier.view());
}

// Into value_; empty: there is nothing to say of it.
void NodeStore::EncodeNode(const Node& node) {
  value_.clear();
  const Cluster* const cluster = node.cluster.get();
  const bool has_cluster =
      cluster != nullptr && !(cluster->table().empty() && cluster->journey.empty());
  if (!has_cluster && node.address.empty()) return;
  WireWriter writer(&value_);
  writer.Byte(has_cluster ? kHasCluster : 0);
  part_.clear();
  if (!node.address.empty()) node.address.Append(&part_);
  writer.Bytes(part_);
  part_.clear();
  if (has_cluster && !cluster->table().empty()) cluster->table().Append(&part_);
  writer.Bytes(part_);
  if (has_cluster) cluster->journey.AppendHead(&value_);
}

Status NodeStore::Write() { return WriteUpTo(std::numeric_limits<std::size_t>::max()); }

Status NodeStore::WriteSmall() { return WriteUpTo(kSmallBytes); }

Status NodeStore::WriteUpTo(std::size_t bytes) {
  std::size_t kept = 0;
  for (Node* const node : dirty_) {
    if (node->bytes > bytes) {
      dirty_[kept++] = node;
      continue;
    }
    LEADFLOW_RETURN_IF_ERROR(WriteNode(node));
    node->dirty = false;
  }
  dirty_.resize(kept);
  return Status();
}

void NodeStore::Sealed() {
  LEADFLOW_CHECK(!is_sealed_);
  std::swap(changed_, sealed_);
  is_sealed_ = true;
  ++transaction_;
}

void NodeStore::Committed() {
  if (!is_sealed_) Sealed();
  sealed_.clear();
  is_sealed_ = false;
}

void NodeStore::Aborted() {
  dirty_.clear();
  for (std::vector<Identifier>* const changed : {&changed_, &sealed_}) {
    for (const Identifier& identifier : *changed) {
      if (const auto found = index_.find(identifier); found != index_.end())
        Drop(found->second->slot);
    }
    changed->clear();
  }
  is_sealed_ = false;
  ++transaction_;
}

void NodeStore::Drop(std::size_t slot) {
  bytes_ -= slots_[slot]->bytes;
  index_.erase(slots_[slot]->id);
  slots_[slot].reset();
  free_.push_back(static_cast<std::uint32_t>(slot));
}

Status NodeStore::Trim() {
  std::size_t steps = kTrimSteps;
  if (bytes_ > budget_ + budget_ / 2) {
    // As long as it takes: two rounds, for the first may only take away the marks of use.
    LEADFLOW_RETURN_IF_ERROR(Write());
    steps = 2 * slots_.size();
  }
  for (; steps > 0 && bytes_ > budget_; --steps) {
    hand_ = hand_ + 1 < slots_.size() ? hand_ + 1 : 0;
    Node* const node = slots_[hand_].get();
    if (node == nullptr || node->dirty) continue;
    if (node->used) {
      node->used = false;
      if (node->cluster) node->cluster->journey.DropCleanChunks();
      Measure(node);
    } else {
      Drop(hand_);
    }
  }
  return Status();
}

Result<std::vector<std::string>> EncodeMove(Cluster& cluster, const LinkTable& table,
                                            std::size_t part_bytes, std::size_t max_bytes) {
  std::vector<std::string> parts(1);
  table.Append(&parts.back());
  std::size_t total = parts.back().size();
  const auto add = [&](std::uint8_t tag, const std::string& bytes) {
    if (!parts.back().empty() && parts.back().size() + bytes.size() > part_bytes) {
      parts.emplace_back();
    }
    parts.back().push_back(static_cast<char>(tag));
    parts.back() += bytes;
    total += bytes.size() + 1;
    return total <= max_bytes;
  };
  std::string bytes;
  LEADFLOW_RETURN_IF_ERROR(cluster.journey.ForEach(std::numeric_limits<std::int64_t>::min(),
                                                   std::numeric_limits<std::int64_t>::max(),
                                                   [&](const Entry& entry) {
                                                     bytes.clear();
                                                     AppendEntry(entry, &bytes);
                                                     return add(kEntryTag, bytes);
                                                   }));
  for (const auto& [id, record] : cluster.journey.records()) {
    bytes.clear();
    AppendRecord(record, &bytes);
    if (!add(kRecordTag, bytes)) break;
  }
  if (total > max_bytes) {
    return Status(ErrorCode::kFailedPrecondition, "the cluster is too large to move");
  }
  return parts;
}

bool DecodeMovePart(std::string_view part, bool first, MoveContent* content) {
  if (first && !content->table.Read(&part)) return false;
  while (!part.empty()) {
    const auto tag = static_cast<std::uint8_t>(part[0]);
    part.remove_prefix(1);
    if (tag == kEntryTag) {
      if (!ReadEntry(&part, &content->entries.emplace_back())) return false;
    } else if (tag == kRecordTag) {
      if (!ReadRecord(&part, &content->records.emplace_back())) return false;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace leadflow
