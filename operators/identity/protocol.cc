#include "operators/identity/protocol.h"

#include <algorithm>
#include <utility>

#include "engine/base/wire.h"
#include "operators/identity/protocol_change.h"

namespace leadflow {
namespace {

Status Malformed(const char* what) {
  return Status(ErrorCode::kInternal, std::string("malformed message: ") + what);
}

bool LinksNothingNew(Kind kind) {
  return kind != Kind::kErase && kind != Kind::kUnlink && kind != Kind::kIdentify;
}

}  // namespace

Status Protocol::Handle(const MessageHead& head, Node* node) {
  if (head.type == MessageType::kEvent) return OnEvent(head, node);
  if (head.type == MessageType::kLink) return OnLink(head, node);
  if (node->address.pointer) {
    out_.clear();
    AppendForwarded(head, *node->address.pointer, &out_);
    Send(*node->address.pointer);
    return Status();
  }
  switch (head.type) {
    case MessageType::kJoin: return OnJoin(head, node);
    case MessageType::kMove: return OnMove(head, node);
    case MessageType::kVoid: return OnVoid(head, node);
    case MessageType::kPut: return OnPut(head, node);
    case MessageType::kTakeBack: return OnTakeBack(head, node);
    default: return Malformed("unknown type");
  }
}

// ---- events
// ----------------------------------------------------------------------------------------

Status Protocol::OnEvent(const MessageHead& head, Node* node) {
  EventMessage message;
  if (!ReadEventBody(head.body, &message)) return Malformed("event");
  const Entry& entry = message.entry;
  const bool news = node->address.shared && entry.home == node->id && !message.home_shared;
  if (news) message.home_shared = true;
  if (node->address.pointer) {
    out_.clear();
    if (news) {
      const std::string via = std::string(head.via) + std::string(node->id.view());
      AppendEventTo(*node->address.pointer, via, message, &out_);
    } else {
      AppendForwarded(head, *node->address.pointer, &out_);
    }
    Send(*node->address.pointer);
    return Status();
  }
  if (Expired(entry.time_ms)) {
    Refuse(entry, "expired");
    return Status();
  }
  Cluster* cluster = node->cluster.get();
  const bool alone = cluster == nullptr || cluster->table().empty();
  if (!message.homed && entry.home != node->id &&
      (alone || !cluster->table().Has(entry.home, LinkTable::kMember))) {
    message.homed = true;
    out_.clear();
    AppendEventTo(entry.home, {}, message, &out_);
    Send(entry.home);
    return Status();
  }
  if (cluster == nullptr) cluster = &nodes_.Make(node);
  if (cluster->journey.size() >= limits_.max_entries) {
    Refuse(entry, "overflow");
    return Status();
  }
  // Most events: one identifier, nobody else in the cluster.
  if (alone && entry.home == node->id && entry.links == 0 && LinksNothingNew(entry.kind) &&
      !message.home_shared && head.via.empty()) {
    auto changed = f_.ApplyEntry(cluster->journey, entry, facts_);
    if (!changed.ok()) return changed.status();
    if (*changed) {
      nodes_.Touch(node);
    } else {
      context_.Count("duplicates", "", 1);
      nodes_.Measure(node);
    }
    return Status();
  }
  return OnLinkedEvent(head, node, message);
}

Status Protocol::OnLinkedEvent(const MessageHead& head, Node* node, const EventMessage& message) {
  Cluster& cluster = *node->cluster;
  const Entry& entry = message.entry;
  bool known_path = cluster.table().Has(node->id, LinkTable::kMember);
  for (std::size_t i = 0; known_path && i < head.via_count(); ++i) {
    known_path = cluster.table().Has(head.Via(i), LinkTable::kMember);
  }
  const bool shared_news =
      message.home_shared && !cluster.table().Has(entry.home, LinkTable::kShared);
  if (known_path && !shared_news && cluster.resolution().leads == 1 &&
      cluster.table().Knows(entry) && !cluster.resolution().Covers(entry)) {
    return ApplyKnown(head, node, entry);
  }
  auto found = cluster.journey.Find(entry.key, entry.time_ms);
  if (!found.ok()) return found.status();
  const Entry* stored = found->has_value() ? &**found : nullptr;
  const bool stands = stored == nullptr || Stands(entry, *stored);
  const bool same_links =
      stored == nullptr ||
      (stored->links == entry.links && stored->kind == entry.kind &&
       std::equal(entry.others, entry.others + 16 * entry.links, stored->others));
  if (!stands) context_.Count("duplicates", "", 1);
  if (!stands && known_path && !shared_news) {
    nodes_.Measure(node);
    return Status();
  }
  if (stands &&
      cluster.table().links().size() + cluster.table().NewLinks(entry) > LinkTable::kMaxLinks) {
    Refuse(entry, "overflow");
    return Status();
  }
  Change change;
  change.after = TableOf(*node, head);
  if (message.home_shared) change.after.Mark(entry.home, LinkTable::kShared);
  if (stands) {
    change.insert = &entry;
    if (entry.kind == Kind::kErase || !same_links) {
      LEADFLOW_RETURN_IF_ERROR(Recollect(&change.after, {&cluster.journey}, &entry));
    } else {
      change.after.AddEntry(entry);
    }
  }
  return Update(node, &change);
}

// An event that says nothing new about who is who, in a cluster of one lead.
Status Protocol::ApplyKnown(const MessageHead& head, Node* node, const Entry& entry) {
  Journey& journey = node->cluster->journey;
  const std::uint64_t size = journey.size();
  auto changed = f_.ApplyEntry(journey, entry, facts_);
  if (!changed.ok()) return changed.status();
  if (!*changed) {
    context_.Count("duplicates", "", 1);
    nodes_.Measure(node);
    return Status();
  }
  nodes_.Touch(node);
  if (journey.size() != size) return Status();
  // It replaced an older version of itself, which may have claimed other links.
  Change change;
  change.after = TableOf(*node, head);
  LEADFLOW_RETURN_IF_ERROR(Recollect(&change.after, {&journey}, nullptr));
  return Update(node, &change);
}

// ---- links and joins
// -------------------------------------------------------------------------------

Status Protocol::OnLink(const MessageHead& head, Node* node) {
  LinkMessage link;
  if (!ReadLinkBody(head.body, &link)) return Malformed("link");
  Address& address = node->address;
  if (address.shared) {
    SendVoid(link.home, link.home, node->id, VoidMessage::Why::kShared);
    return Status();
  }
  const auto at = std::lower_bound(address.homes.begin(), address.homes.end(), link.home);
  if (at == address.homes.end() || *at != link.home) {
    address.homes.insert(at, link.home);
    if (address.homes.size() > limits_.max_shared) {
      for (const Identifier& home : address.homes) {
        SendVoid(home, home, node->id, VoidMessage::Why::kShared);
      }
      SendVoid(node->id, node->id, node->id, VoidMessage::Why::kShared);
      address.homes.clear();
      address.shared = true;
      context_.Count("shared_identifiers", IdentifierTypeName(node->id.type()), 1);
    }
    node->head_dirty = true;
    nodes_.Touch(node);
    if (address.shared) return Status();
  }
  if (!link.join) return Status();
  std::string join;
  AppendJoin(node->id, {}, {link.root, link.home, node->id, link.size}, &join);
  MessageHead join_head;
  if (!ReadMessageHead(join, &join_head)) return Malformed("join");
  return Handle(join_head, node);
}

Status Protocol::OnJoin(const MessageHead& head, Node* node) {
  JoinMessage join;
  if (!ReadJoinBody(head.body, &join)) return Malformed("join");
  Cluster* cluster = node->cluster.get();
  if (node->id == join.root || (cluster && cluster->table().Has(join.root, LinkTable::kMember))) {
    bool known = cluster == nullptr;
    for (std::size_t i = 0; i < head.via_count() && !known; ++i) {
      known = !cluster->table().Has(head.Via(i), LinkTable::kMember);
    }
    if (cluster == nullptr || !known) return Status();
    Change change;
    change.after = TableOf(*node, head);
    return Update(node, &change);
  }
  const std::size_t own =
      cluster == nullptr ? 0 : std::max<std::size_t>(cluster->table().living(), 1);
  if (join.size + own > limits_.max_cluster) {
    SendVoid(join.home, join.home, join.weak, VoidMessage::Why::kCapacity);
    return Status();
  }
  if (limits_.higher(join.root, node->id)) return MoveAway(head, node, join);
  out_.clear();
  AppendJoin(join.root, head.via, {node->id, join.home, join.weak, own}, &out_);
  Send(join.root);
  return Status();
}

Status Protocol::MoveAway(const MessageHead& head, Node* node, const JoinMessage& join) {
  if (node->cluster || !head.via.empty()) {
    if (node->cluster) LEADFLOW_RETURN_IF_ERROR(f_.Settle(node->cluster->journey, facts_));
    Cluster nothing{Journey([](std::int64_t) -> Result<std::optional<std::string>> {
      return std::optional<std::string>();
    })};
    auto parts = EncodeMove(node->cluster ? *node->cluster : nothing, TableOf(*node, head),
                            limits_.part_bytes, limits_.max_move_bytes);
    if (!parts.ok()) {
      if (parts.status().code() != ErrorCode::kFailedPrecondition) return parts.status();
      SendVoid(join.home, join.home, join.weak, VoidMessage::Why::kCapacity);
      return Status();
    }
    MoveMessage move{
        node->id, node->address.moves, 0, static_cast<std::uint32_t>(parts->size()), {}};
    for (const std::string& part : *parts) {
      out_.clear();
      move.content = part;
      AppendMove(join.root, {}, move, &out_);
      Send(join.root);
      ++move.part;
    }
    context_.Count("moves", "", 1);
  }
  LEADFLOW_RETURN_IF_ERROR(RelayStaged(node, join.root));
  if (node->cluster) LEADFLOW_RETURN_IF_ERROR(nodes_.RemoveCluster(node));
  node->address.pointer = join.root;
  ++node->address.moves;
  node->head_dirty = true;
  nodes_.Touch(node);
  return Status();
}

// ---- moves
// ----------------------------------------------------------------------------------------- A
// staged part: 'S' root, from, number, part -> parts, content. Beside them, without a part, how
// many there are.

namespace {

std::string StagedPrefix(const Identifier& root, const MoveMessage& move) {
  std::string rest(move.from.view());
  WireWriter(&rest).Ordered64(static_cast<std::int64_t>(move.number));
  return StateKey('S', root, rest);
}
constexpr std::size_t kStagedCountKey = 1 + 16 + 16 + 8;
constexpr std::size_t kStagedPartKey = kStagedCountKey + 8;

}  // namespace

Status Protocol::RelayStaged(Node* node, const Identifier& to) {
  std::vector<std::string> keys;
  Status bad;
  LEADFLOW_RETURN_IF_ERROR(nodes_.store().Scan(
      StateKey('S', node->id), [&](std::string_view key, std::string_view value) {
        keys.emplace_back(key);
        if (key.size() != kStagedPartKey) return true;
        MoveMessage move;
        move.from = Identifier::From(key.substr(17, 16));
        WireReader reader(key.substr(33)), content(value);
        std::int64_t number = 0, part = 0;
        std::uint64_t parts = 0;
        if (!reader.Ordered64(&number) || !reader.Ordered64(&part) || !content.Varint(&parts)) {
          bad = Status::Corruption("staged part of a move means nothing");
          return false;
        }
        move.number = static_cast<std::uint64_t>(number);
        move.part = static_cast<std::uint32_t>(part);
        move.parts = static_cast<std::uint32_t>(parts);
        move.content = content.Rest();
        out_.clear();
        AppendMove(to, node->id.view(), move, &out_);
        Send(to);
        return true;
      }));
  LEADFLOW_RETURN_IF_ERROR(bad);
  for (const std::string& key : keys) nodes_.store().Delete(key);
  return Status();
}

Status Protocol::Stage(Node* node, const MoveMessage& move, std::vector<std::string>* all,
                       bool* complete) {
  KeyedStore& store = nodes_.store();
  const std::string prefix = StagedPrefix(node->id, move);
  auto counted = store.Get(prefix);
  if (!counted.ok()) return counted.status();
  std::uint64_t count = 0;
  if (*counted && !WireReader(**counted).Varint(&count)) {
    return Status::Corruption("count of staged parts means nothing");
  }
  std::string key = prefix, value;
  WireWriter(&key).Ordered64(move.part);
  WireWriter writer(&value);
  writer.Varint(move.parts);
  writer.Raw(move.content);
  store.Put(key, value);
  *complete = ++count >= move.parts;
  if (!*complete) {
    value.clear();
    writer.Varint(count);
    store.Put(prefix, value);
    return Status();
  }
  std::vector<std::string> keys;
  LEADFLOW_RETURN_IF_ERROR(store.Scan(prefix, [&](std::string_view at, std::string_view staged) {
    keys.emplace_back(at);
    if (at.size() != kStagedPartKey) return true;
    WireReader reader(staged);
    std::uint64_t parts = 0;
    if (reader.Varint(&parts)) all->emplace_back(reader.Rest());
    return true;
  }));
  for (const std::string& staged : keys) store.Delete(staged);
  return all->size() == move.parts ? Status() : Status::Corruption("a staged part is gone");
}

Status Protocol::OnMove(const MessageHead& head, Node* node) {
  MoveMessage move;
  if (!ReadMoveBody(head.body, &move)) return Malformed("move");
  std::vector<std::string> parts;
  std::vector<std::string_view> contents;
  if (move.parts > 1) {
    bool complete = false;
    LEADFLOW_RETURN_IF_ERROR(Stage(node, move, &parts, &complete));
    if (!complete) return Status();
    contents.assign(parts.begin(), parts.end());
  } else {
    contents.push_back(move.content);
  }
  MoveContent content;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    if (!DecodeMovePart(contents[i], i == 0, &content)) return Malformed("content of a move");
  }
  return Arrive(head, node, &content);
}

Status Protocol::Arrive(const MessageHead& head, Node* node, MoveContent* content) {
  Cluster& cluster = node->cluster ? *node->cluster : nodes_.Make(node);
  Arrival arrival{Journey([](std::int64_t) -> Result<std::optional<std::string>> {
                    return std::optional<std::string>();
                  }),
                  std::move(content->table),
                  {}};
  for (const Entry& entry : content->entries) {
    LEADFLOW_RETURN_IF_ERROR(arrival.journey.Insert(entry));
  }
  for (Record& record : content->records) arrival.journey.PutRecord(std::move(record));
  arrival.resolution = Resolve(arrival.table, limits_.guards);
  Change change;
  change.after = TableOf(*node, head);
  const bool erasures = !change.after.erasures().empty() || !arrival.table.erasures().empty();
  change.after.Unite(arrival.table, !erasures);
  if (erasures) {
    LEADFLOW_RETURN_IF_ERROR(
        Recollect(&change.after, {&cluster.journey, &arrival.journey}, nullptr));
  }
  change.arrived = &arrival;
  return Update(node, &change);
}

// ---- refusals, records
// ------------------------------------------------------------------------------

Status Protocol::OnVoid(const MessageHead& head, Node* node) {
  VoidMessage message;
  if (!ReadVoidBody(head.body, &message)) return Malformed("void");
  if (!node->cluster) return Status();
  Change change;
  change.after = TableOf(*node, head);
  if (!change.after.Find(message.weak)) return Status();
  if (message.why == VoidMessage::Why::kShared) {
    if (!change.after.Mark(message.weak, LinkTable::kShared)) return Status();
  } else if (!change.after.MarkLink(message.home, message.weak, LinkTable::Link::kCapped)) {
    return Status();
  }
  return Update(node, &change);
}

Status Protocol::OnPut(const MessageHead& head, Node* node) {
  Record record;
  if (!ReadPutBody(head.body, &record)) return Malformed("record");
  Cluster& cluster = node->cluster ? *node->cluster : nodes_.Make(node);
  const auto stored = cluster.journey.records().find(record.id);
  const bool there = stored != cluster.journey.records().end();
  if (there && stored->second.version >= record.version) return Status();
  Change change;
  change.after = TableOf(*node, head);
  change.after.Mark(record.home, LinkTable::kHome);
  change.put = &record;
  return Update(node, &change);
}

Status Protocol::OnTakeBack(const MessageHead& head, Node* node) {
  TakeBackMessage message;
  if (!ReadTakeBackBody(head.body, &message)) return Malformed("take back");
  if (!node->cluster) return Status();
  const auto& records = node->cluster->journey.records();
  const auto stored = records.find(std::string(message.id));
  if (stored == records.end() || stored->second.version > message.version) return Status();
  const Record record = stored->second;
  Change change;
  change.after = TableOf(*node, head);
  change.take_back = &record;
  return Update(node, &change);
}

// ---- small things
// -----------------------------------------------------------------------------------

LinkTable Protocol::TableOf(const Node& node, const MessageHead& head) const {
  LinkTable table;
  if (node.cluster) table = node.cluster->table();
  const bool holds = table.empty() && node.cluster && !node.cluster->journey.empty();
  table.Mark(node.id, LinkTable::kMember);
  if (holds) table.Mark(node.id, LinkTable::kHome);
  for (std::size_t i = 0; i < head.via_count(); ++i) table.Mark(head.Via(i), LinkTable::kMember);
  return table;
}

Status Protocol::Recollect(LinkTable* table, const std::vector<Journey*>& journeys,
                           const Entry* extra) {
  constexpr auto kFrom = std::numeric_limits<std::int64_t>::min();
  constexpr auto kTo = std::numeric_limits<std::int64_t>::max();
  table->ForgetClaims();
  for (const bool erasures : {true, false}) {
    for (Journey* journey : journeys) {
      LEADFLOW_RETURN_IF_ERROR(journey->ForEach(kFrom, kTo, [&](const Entry& entry) {
        if (extra != nullptr && entry.key == extra->key) return true;
        if (!erasures) {
          table->AddEntry(entry);
        } else if (entry.kind == Kind::kErase) {
          table->AddErasure(entry);
        }
        return true;
      }));
    }
    if (extra == nullptr) continue;
    if (!erasures) {
      table->AddEntry(*extra);
    } else if (extra->kind == Kind::kErase) {
      table->AddErasure(*extra);
    }
  }
  for (Journey* journey : journeys) {
    for (const auto& [id, record] : journey->records()) {
      table->Mark(record.home, LinkTable::kHome);
    }
  }
  table->DropUnclaimed();
  return Status();
}

void Protocol::SendVoid(const Identifier& to, const Identifier& home, const Identifier& weak,
                        VoidMessage::Why why) {
  out_.clear();
  AppendVoid(to, {home, weak, why}, &out_);
  Send(to);
}

bool Protocol::Expired(std::int64_t time_ms) const {
  const std::int64_t watermark = context_.watermark_ms();
  std::int64_t age = 0;
  return watermark != std::numeric_limits<std::int64_t>::min() &&
         !__builtin_sub_overflow(watermark, time_ms, &age) && age > limits_.horizon_ms;
}

void RefuseEntry(const Entry& entry, std::string_view reason,
                 const std::vector<std::string>& source_names, OperatorContext* context) {
  const std::string_view source =
      entry.source < source_names.size() ? std::string_view(source_names[entry.source]) : "";
  context->Reject(source, entry.id.ToString(), reason, KindName(entry.kind));
}

}  // namespace leadflow
