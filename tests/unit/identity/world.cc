#include "tests/unit/identity/world.h"

#include <algorithm>
#include <functional>

#include "engine/base/check.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr auto kFrom = std::numeric_limits<std::int64_t>::min();
constexpr auto kTo = std::numeric_limits<std::int64_t>::max();

std::string Show(const FactMap& map) {
  std::string text;
  for (const auto& [cell, value] : map.cells) {
    text += " " + cell.first + " " + cell.second + " x" + std::to_string(value);
  }
  return text;
}

Journey NoChunks() {
  return Journey([](std::int64_t) -> Result<std::optional<std::string>> {
    return std::optional<std::string>();
  });
}

bool WrongWay(const Identifier& a, const Identifier& b) { return HigherInPlacement(b, a); }

}  // namespace

std::string Numbered(const char* prefix, int number) {
  std::string text = prefix;
  text += std::to_string(number);
  return text;
}

bool Claims(Kind kind) { return kind != Kind::kUnlink && kind != Kind::kErase; }

std::uint64_t Delivery::key() const {
  return Hash64(id + "@" + std::to_string(time_ms) + std::string(ids.empty() ? "" : ids[0].view()));
}

Entry EntryOf(Delivery* delivery) {
  delivery->others.clear();
  for (std::size_t i = 1; i < delivery->ids.size(); ++i)
    delivery->others += delivery->ids[i].view();
  Entry entry;
  entry.key = delivery->key();
  entry.time_ms = delivery->time_ms;
  entry.updated_ms = delivery->updated_ms;
  entry.kind = delivery->kind;
  entry.links = static_cast<std::uint8_t>(delivery->others.size() / 16);
  if (!delivery->ids.empty()) entry.home = delivery->ids[0];
  entry.others = delivery->others.data();
  entry.id = delivery->id;
  entry.fields = delivery->payload;
  return entry;
}

World::World(const WorldOptions& options) : options_(options) {
  for (std::uint32_t k = 0; k < options.partitions; ++k) {
    contexts_.push_back(std::make_unique<FakeContext>(k, options.partitions));
    operators_.emplace_back();
    Restart(k);
  }
}

void World::Restart(std::uint32_t k) {
  IdentityLimits limits = options_.limits;
  if (options_.mutation == Mutation::kWrongDirection) limits.higher = WrongWay;
  std::unique_ptr<Contribution> f = options_.contribution != nullptr
                                        ? options_.contribution()
                                        : std::make_unique<JourneyIsTheCell>();
  operators_[k] = std::make_unique<JourneysOperator>(std::move(f), limits, options_.cache_bytes);
  LEADFLOW_CHECK(operators_[k]->Open(*contexts_[k]).ok());
}

void World::Append(int sender, std::uint32_t to, std::string message) {
  channels_[{sender, to}].push_back(std::move(message));
  ++messages_;
}

void World::SendEvent(const Identifier& to, Delivery delivery) {
  Entry entry = EntryOf(&delivery);
  if (options_.mutation == Mutation::kNoDedup && !delivered_.insert(entry.key).second) {
    entry.key += ++messages_;
  }
  std::string message;
  AppendEventMessage(to, entry, &message);
  Append(-1, PartitionOf(to.hash(), options_.partitions), message);
}

void World::SendKeyed(MessageType type, const std::string& key, Delivery delivery) {
  std::string message;
  AppendKeyedMessage(type, key, EntryOf(&delivery), &message);
  Append(-1, PartitionOf(Hash64(key), options_.partitions), message);
}

std::vector<World::Channel> World::Busy() const {
  std::vector<Channel> busy;
  for (const auto& [channel, queue] : channels_) {
    if (!queue.empty()) busy.push_back(channel);
  }
  return busy;
}

void World::Step(const std::vector<Channel>& order, bool abort) {
  const std::uint32_t k = order.front().second;
  FakeContext& context = *contexts_[k];
  std::vector<std::pair<Channel, std::string>> taken;
  std::vector<std::string> messages;
  for (const Channel& channel : order) {
    auto& queue = channels_[channel];
    if (queue.empty()) continue;
    taken.emplace_back(channel, queue.front());
    messages.push_back(queue.front());
    queue.pop_front();
    const auto type = static_cast<MessageType>(messages.back()[0]);
    if (options_.mutation == Mutation::kMoveTwice && type == MessageType::kMove) {
      messages.push_back(messages.back());
    }
  }
  std::vector<MessageView> views;
  for (const std::string& message : messages) views.push_back({message, 0, {}, 0});
  context.sent.clear();
  const auto counters = context.counters;
  Status status = operators_[k]->Process(views);
  if (status.ok()) status = operators_[k]->Prepare();
  if (!status.ok()) Fail("handler: " + status.ToString());
  if (abort) {
    context.fake_store().DropStaged();
    operators_[k]->Aborted();
    context.counters = counters;
    for (auto at = taken.rbegin(); at != taken.rend(); ++at) {
      channels_[at->first].push_front(at->second);
    }
    if (options_.mutation != Mutation::kAbortLeaks) return;
  } else {
    LEADFLOW_CHECK(context.fake_store().Apply(0).ok());
    operators_[k]->Committed();
  }
  for (FakeContext::Sent& sent : context.sent) {
    if (sent.output == OutputId::kFacts) {
      std::string_view bytes = sent.value;
      Fact fact;
      LEADFLOW_CHECK(ReadFact(&bytes, &fact));
      if (!abort) facts.Add(fact.group, fact.component, fact.delta);
      continue;
    }
    MessageHead head;
    LEADFLOW_CHECK(ReadMessageHead(sent.value, &head));
    if (options_.mutation == Mutation::kDropForward && head.type == MessageType::kEvent) continue;
    if (options_.mutation == Mutation::kDropVoid && head.type == MessageType::kVoid) continue;
    MoveMessage move;
    if (head.type == MessageType::kMove && ReadMoveBody(head.body, &move)) {
      if (options_.mutation == Mutation::kDropPart && move.part == 1) continue;
      if (options_.mutation == Mutation::kSenderSubtracts && move.parts == 1) {
        AddMove({{0, std::string(move.content)}}, &facts, -1);
      }
    }
    Append(static_cast<int>(k), sent.partition, std::move(sent.value));
  }
}

void World::Drain() {
  for (auto busy = Busy(); !busy.empty(); busy = Busy()) Step({busy.front()}, false);
}

void World::AddCluster(Cluster& cluster, const Identifier* root, FactMap* sum) {
  const Resolution resolution = Resolve(cluster.table(), options_.limits.guards);
  LEADFLOW_CHECK(cluster.journey
                     .ForEach(kFrom, kTo,
                              [&](const Entry& entry) {
                                ++where_[entry.key];
                                if (!entry.erased()) live_.insert(entry.key);
                                if (!entry.erased() && resolution.Covers(entry)) {
                                  Fail("erased: an entry that an erasure covers has its payload");
                                }
                                if (cluster.table().empty() && root && entry.home != *root) {
                                  Fail("a cluster without a table holds more than its root");
                                }
                                return true;
                              })
                     .ok());
  if (cluster.table().empty()) {
    LEADFLOW_CHECK(f_.Batch(cluster.journey, nullptr, 1, *sum).ok());
    return;
  }
  for (std::uint32_t lead = 0; lead < resolution.leads; ++lead) {
    const HomeFilter in = [&](const Identifier& home) {
      const auto at = cluster.table().Find(home);
      return at && resolution.lead[*at] == lead;
    };
    LEADFLOW_CHECK(f_.Batch(cluster.journey, in, 1, *sum).ok());
  }
}

void World::AddStored(FactMap* sum) {
  for (auto& context : contexts_) {
    std::set<Identifier> roots;
    LEADFLOW_CHECK(context->fake_store()
                       .ScanCommitted("",
                                      [&](std::string_view key, std::string_view) {
                                        if (key[0] == 'N')
                                          roots.insert(Identifier::From(key.substr(1, 16)));
                                        return true;
                                      })
                       .ok());
    NodeStore nodes(&context->fake_store(), options_.limits.guards, 1 << 30);
    for (const Identifier& root : roots) {
      auto node = nodes.Get(root);
      LEADFLOW_CHECK(node.ok());
      if ((*node)->cluster == nullptr) continue;
      if ((*node)->address.pointer) Fail("up: a pointer has a cluster");
      AddCluster(*(*node)->cluster, &root, sum);
    }
  }
}

void World::AddMove(const std::map<std::uint32_t, std::string>& parts, FactMap* sum, int sign) {
  MoveContent content;
  for (const auto& [number, part] : parts) {
    if (!DecodeMovePart(part, number == 0, &content)) return Fail("a part of a move is gone");
  }
  Cluster cluster(NoChunks());
  cluster.SetLinks(content.table, Resolve(content.table, options_.limits.guards));
  for (const Entry& entry : content.entries) LEADFLOW_CHECK(cluster.journey.Insert(entry).ok());
  for (const Record& record : content.records) cluster.journey.PutRecord(record);
  FactMap part;
  AddCluster(cluster, nullptr, &part);
  for (const auto& [cell, value] : part.cells) sum->Add(cell.first, cell.second, sign * value);
}

void World::AddInFlight(FactMap* sum) {
  std::map<std::pair<Identifier, std::uint64_t>, std::map<std::uint32_t, std::string>> moves;
  for (const auto& [channel, queue] : channels_) {
    for (const std::string& message : queue) {
      MessageHead head;
      MoveMessage move;
      if (message[0] != static_cast<char>(MessageType::kMove)) continue;
      LEADFLOW_CHECK(ReadMessageHead(message, &head) && ReadMoveBody(head.body, &move));
      moves[{move.from, move.number}][move.part] = move.content;
    }
  }
  for (auto& context : contexts_) {
    LEADFLOW_CHECK(
        context->fake_store()
            .ScanCommitted(
                "S",
                [&](std::string_view key, std::string_view value) {
                  if (key.size() != 49) return true;
                  WireReader numbers(key.substr(33)), content(value);
                  std::int64_t number = 0, part = 0;
                  std::uint64_t parts = 0;
                  LEADFLOW_CHECK(numbers.Ordered64(&number) && numbers.Ordered64(&part) &&
                                 content.Varint(&parts));
                  moves[{Identifier::From(key.substr(17, 16)), static_cast<std::uint64_t>(number)}]
                       [static_cast<std::uint32_t>(part)] = content.Rest();
                  return true;
                })
            .ok());
  }
  for (const auto& [move, parts] : moves) AddMove(parts, sum, 1);
}

std::string World::Check() {
  where_.clear();
  live_.clear();
  FactMap sum;
  AddStored(&sum);
  AddInFlight(&sum);
  if (failure_.empty()) {
    FactMap diff;
    for (const auto& [cell, value] : facts.cells) {
      if (cell.first == "lead") diff.Add(cell.first, cell.second, value);
    }
    for (const auto& [cell, value] : sum.cells) diff.Add(cell.first, cell.second, -value);
    if (!diff.cells.empty()) Fail("sums:" + Show(diff));
  }
  for (const auto& [key, times] : where_) {
    seen_.insert(key);
    if (times != 1) Fail("once: an entry is stored " + std::to_string(times) + " times");
  }
  for (const std::uint64_t key : seen_) {
    if (!where_.contains(key)) Fail("once: an entry vanished");
  }
  if (failure_.empty()) Fail(CheckPaths());
  return failure_;
}

// The address in the stored bytes of a node.
Address World::AddressIn(std::string_view node) {
  WireReader reader(node);
  std::uint8_t parts = 0;
  std::string_view bytes;
  Address address;
  LEADFLOW_CHECK(reader.Byte(&parts) && reader.Bytes(&bytes));
  LEADFLOW_CHECK(bytes.empty() || address.Read(bytes));
  return address;
}

std::string World::CheckPaths() {
  for (auto& context : contexts_) {
    std::string bad;
    LEADFLOW_CHECK(context->fake_store()
                       .ScanCommitted("N",
                                      [&](std::string_view key, std::string_view value) {
                                        const Address address = AddressIn(value);
                                        const Identifier id = Identifier::From(key.substr(1, 16));
                                        if (address.pointer &&
                                            !options_.limits.higher(*address.pointer, id))
                                          bad = "up: down";
                                        return true;
                                      })
                       .ok());
    if (!bad.empty()) return bad;
  }
  return {};
}

Identifier World::RootOf(Identifier identifier) {
  for (int step = 0; step < 1000; ++step) {
    FakeContext& owner = *contexts_[PartitionOf(identifier.hash(), options_.partitions)];
    const auto bytes = owner.fake_store().Get("N" + std::string(identifier.view()));
    if (!*bytes) return identifier;
    const Address address = AddressIn(**bytes);
    if (!address.pointer) return identifier;
    identifier = *address.pointer;
  }
  Fail("up: pointers in a circle");
  return identifier;
}

std::set<Identifier> World::SharedOf(const std::vector<Delivery>& source) const {
  std::map<Identifier, std::set<Identifier>> homes;
  for (const Delivery& d : source) {
    for (std::size_t i = 1; Claims(d.kind) && i < d.ids.size(); ++i) {
      homes[d.ids[i]].insert(d.ids[0]);
    }
  }
  std::set<Identifier> shared;
  for (const auto& [id, claiming] : homes) {
    if (claiming.size() > options_.limits.max_shared) shared.insert(id);
  }
  return shared;
}

std::string World::CheckEnd(const std::vector<Delivery>& source) {
  Check();
  std::set<std::pair<Identifier, Identifier>> capped;
  std::set<std::uint64_t> at;
  std::vector<Record> records;
  std::int64_t refused = 0;
  for (auto& context : contexts_) {
    for (const auto& [name, value] : context->counters) {
      if (name.first == "refused_links") refused += value;
    }
    std::set<Identifier> roots;
    LEADFLOW_CHECK(context->fake_store()
                       .ScanCommitted("",
                                      [&](std::string_view key, std::string_view) {
                                        if (key[0] == 'S') Fail("a move never completed");
                                        if (key[0] == 'N')
                                          roots.insert(Identifier::From(key.substr(1, 16)));
                                        return true;
                                      })
                       .ok());
    NodeStore nodes(&context->fake_store(), options_.limits.guards, 1 << 30);
    for (const Identifier& root : roots) {
      Node* const node = *nodes.Get(root);
      if (node->cluster == nullptr) continue;
      Cluster& cluster = *node->cluster;
      LEADFLOW_CHECK(cluster.journey
                         .ForEach(kFrom, kTo,
                                  [&](const Entry& entry) {
                                    at.insert(entry.key);
                                    if (RootOf(entry.home) != root)
                                      Fail("one: a path ends elsewhere than its events");
                                    return true;
                                  })
                         .ok());
      for (const auto& [id, record] : cluster.journey.records()) {
        records.push_back(record);
        if (RootOf(record.home) != root) Fail("one: a path ends elsewhere than its records");
      }
      const LinkTable& table = cluster.table();
      for (std::size_t i = 0; i < table.links().size(); ++i) {
        const LinkTable::Link& link = table.links()[i];
        const Identifier home = table.named()[link.home].identifier;
        const Identifier weak = table.named()[link.other].identifier;
        if ((link.flags & LinkTable::Link::kCapped) != 0) capped.insert({home, weak});
        if (cluster.resolution().decisions[i].accepted && RootOf(weak) != root) {
          Fail("one: a linked identifier's path ends elsewhere");
        }
      }
    }
  }
  for (const Delivery& d : source) {
    if (!at.contains(d.key())) Fail("batch: an event is lost");
  }
  const PlainLeads want = ResolvePlainly(source, options_.limits.guards, SharedOf(source), capped);
  std::vector<Delivery> sorted = source;
  std::sort(sorted.begin(), sorted.end(),
            [](Delivery a, Delivery b) { return Before(EntryOf(&a), EntryOf(&b)); });
  FactMap diff;
  for (const auto& [cell, value] : facts.cells) {
    if (cell.first == "lead") diff.Add(cell.first, cell.second, value);
  }
  std::vector<std::set<Identifier>> leads = want.leads;
  for (const Record& record : records) {  // one that no event names
    if (std::none_of(leads.begin(), leads.end(),
                     [&](const auto& lead) { return lead.contains(record.home); })) {
      leads.push_back({record.home});
    }
  }
  for (const auto& lead : leads) {
    std::string cell;
    for (Delivery& d : sorted) {
      if (!lead.contains(d.ids[0])) continue;
      if (live_.contains(d.key())) {
        if (want.covered.contains(d.key())) Fail("erased: an event should be gone: " + d.id);
        cell += JourneyIsTheCell::CellOf(EntryOf(&d));
      }
    }
    std::map<std::string, std::string> mine;
    for (const Record& record : records) {
      if (lead.contains(record.home)) mine[record.id] = JourneyIsTheCell::CellOf(record);
    }
    for (const auto& [id, text] : mine) cell += text;
    if (!cell.empty()) diff.Add("lead", cell, -1);
  }
  if (!diff.cells.empty()) Fail("batch:" + Show(diff));
  if (refused != static_cast<std::int64_t>(want.refused.size())) {
    Fail("batch: " + std::to_string(refused) + " refused links, not " +
         std::to_string(want.refused.size()));
  }
  return failure_;
}

std::set<std::set<std::string>> World::LeadsById() const {
  std::set<std::set<std::string>> leads;
  for (const auto& [cell, value] : facts.cells) {
    std::set<std::string> ids;
    for (std::size_t at = 0; (at = cell.second.find('[', at)) != std::string::npos; ++at) {
      ids.insert(cell.second.substr(at + 1, cell.second.find(':', at) - at - 1));
    }
    if (cell.first == "lead") leads.insert(ids);
  }
  return leads;
}

std::int64_t World::Counter(const std::string& name, const std::string& label) const {
  std::int64_t sum = 0;
  for (const auto& context : contexts_) {
    const auto found = context->counters.find({name, label});
    if (found != context->counters.end()) sum += found->second;
  }
  return sum;
}

}  // namespace leadflow
