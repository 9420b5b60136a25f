// The protocol with the f of production: whatever the schedule, the facts are those of each lead's
// whole journey.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "operators/journey/lead_function.h"
#include "tests/unit/identity/world.h"
#include "tests/unit/journey/lead_testing.h"

namespace leadflow {
namespace {

Pipeline SmallPipeline() {
  PipelineMaker m;
  using Type = Measure::Type;
  StageSpec visitor, lead, customer;
  visitor.name = "visitor";
  visitor.on = IsKind("page_view");
  lead.name = "lead";
  lead.on_lead_creation = true;
  customer.name = "customer";
  customer.on = IsKind("order");
  m.p.stages = {visitor, lead, customer};
  GoalSpec order;
  order.name = "order";
  m.p.goals = {order};
  for (const Model model : {Model::kFirstTouch, Model::kLinear}) {
    ModelSpec spec;
    spec.name = Numbered("m", static_cast<int>(model));
    spec.model = model;
    m.p.attribution.models.push_back(spec);
  }
  m.Kpi("visits", m.Of(Type::kCount, Subject::Of::kVisit), {Dimension::kChannel});
  m.Kpi("visitors", m.Of(Type::kDistinctLeads, Subject::Of::kVisit), {Dimension::kChannel});
  m.Kpi("forms", m.Of(Type::kCount, Subject::Of::kEvent, Kind::kFormSubmit), {});
  m.Kpi("leads", m.Of(Type::kCount, Subject::Of::kLeadCreation), {Dimension::kChannel});
  m.Kpi("customers", m.Of(Type::kCount, Subject::Of::kStageFirst, Kind::kNone, 2), {});
  m.Kpi("orders", m.Of(Type::kCount, Subject::Of::kOrder), {Dimension::kChannel});
  m.Kpi("credit", m.Of(Type::kAttributed, Subject::Of::kGoal, Kind::kNone, 0),
        {Dimension::kChannel, Dimension::kModel});
  return std::move(m.p);
}

class Schedule {
 public:
  Schedule(std::uint64_t seed, bool erases) : random_(seed), erases_(erases) {
    constexpr IdentifierType kTypes[] = {IdentifierType::kCrmContactId, IdentifierType::kEmail,
                                         IdentifierType::kAnonymousId};
    for (int i = 0; i < 6; ++i) {
      ids_.push_back(
          EventMaker::Named(kTypes[i % 3], Numbered("i", static_cast<int>(seed) * 8 + i)));
    }
    std::sort(ids_.begin(), ids_.end());
    const int count = Pick(4, 25);
    for (int i = 0; i < count; ++i) events_.push_back(MakeEvent(i));
    for (int i = 0; !erases && i < Pick(0, 4); ++i) orders_.push_back(MakeOrder(i));
  }

  int Pick(int from, int to) {
    return from + static_cast<int>(random_() % static_cast<std::uint64_t>(to - from + 1));
  }

  void Play(World* world) {
    std::vector<int> todo;
    for (std::size_t i = 0; i < events_.size() + orders_.size(); ++i) {
      for (int copies = Pick(1, 2); copies > 0; --copies) todo.push_back(static_cast<int>(i));
    }
    for (std::size_t i = todo.size(); i > 1; --i) {
      std::swap(todo[i - 1], todo[static_cast<std::size_t>(Pick(0, static_cast<int>(i) - 1))]);
    }
    while (true) {
      const auto busy = world->Busy();
      if (busy.empty() && todo.empty()) return;
      if (!todo.empty() && (busy.empty() || Pick(0, 2) == 0)) {
        const auto i = static_cast<std::size_t>(todo.back());
        todo.pop_back();
        if (i < events_.size()) {
          world->SendEvent(events_[i].ids[0], events_[i]);
        } else {
          const Delivery& order = orders_[i - events_.size()];
          world->SendKeyed(MessageType::kRecordEvent, KeyOf(order), order);
        }
        continue;
      }
      const World::Channel channel =
          busy[static_cast<std::size_t>(Pick(0, static_cast<int>(busy.size()) - 1))];
      if (Pick(0, 20) == 0) world->Restart(channel.second);
      world->Step({channel}, Pick(0, 9) == 0);
    }
  }

  // The sum of f over the leads of the batch.
  void Expect(const Pipeline& pipeline, const Guards& guards, FactMap* sum) {
    LeadFunction f(pipeline);
    const PlainLeads plain = ResolvePlainly(events_, guards, {}, {});
    std::vector<std::set<Identifier>> leads = plain.leads;
    for (const Identifier& id : ids_) {  // some that only orders name
      if (std::none_of(leads.begin(), leads.end(), [&](const auto& l) { return l.contains(id); })) {
        leads.push_back({id});
      }
    }
    std::map<std::string, std::vector<Entry>> records;
    for (Delivery& order : orders_) records[KeyOf(order)].push_back(EntryOf(&order));
    for (const auto& lead : leads) {
      Journey journey = NewJourney();
      for (Delivery& event : events_) {
        if (!lead.contains(event.ids[0]) || plain.covered.contains(event.key())) continue;
        ASSERT_TRUE(journey.Insert(EntryOf(&event)).ok());
      }
      for (const auto& [key, entries] : records) {
        const ComputedRecord computed = ComputeRecord(key, entries);
        if (lead.contains(computed.record->home)) journey.PutRecord(*computed.record);
      }
      ASSERT_TRUE(f.Batch(journey, nullptr, 1, *sum).ok());
    }
  }

 private:
  static std::string KeyOf(const Delivery& order) { return "order/" + order.id.substr(0, 1); }

  Delivery MakeEvent(int i) {
    Delivery d;
    d.id = Numbered("e", i);
    d.time_ms = Pick(0, 60) * kHour + i;  // no two at once: an erased entry forgets its id
    const int dice = Pick(0, 99);
    std::vector<Identifier> all = ids_;
    std::shuffle(all.begin(), all.end(), random_);
    const bool pair = dice < 12 || dice >= 60;
    all.resize(pair ? 2 : 1);
    std::sort(all.begin(), all.end());
    d.ids = all;
    // With one erasure and nothing that decides anew who the person was, an erasure takes exactly
    // what the batch says; else it may have taken more.
    if (dice < 12 && !erases_) {
      d.kind = Kind::kUnlink;
      return d;
    }
    if (i == 3 && erases_) {
      d.kind = Kind::kErase;
      d.ids.resize(1);
      return d;
    }
    constexpr Kind kKinds[] = {Kind::kPageView,   Kind::kPageView,  Kind::kFormSubmit,
                               Kind::kEmailClick, Kind::kFairVisit, Kind::kIdentify};
    d.kind = kKinds[Pick(0, 5)];
    if (Pick(0, 2) == 0)
      FieldsWriter(&d.payload).Text(Field::kUtmMedium, Pick(0, 1) ? "cpc" : "social");
    return d;
  }

  Delivery MakeOrder(int i) {
    Delivery d;
    d.id = std::to_string(Pick(1, 2));
    d.id += Numbered("-v", i);
    d.kind = Kind::kOrder;
    d.time_ms = Pick(30, 70) * kHour;
    d.updated_ms = i;
    d.ids = {ids_[static_cast<std::size_t>(Pick(0, 5))]};
    FieldsWriter writer(&d.payload);
    writer.Number(Field::kAmount, Pick(1, 100));
    writer.Text(Field::kCurrency, "EUR");
    return d;
  }

  std::mt19937_64 random_;
  bool erases_;
  std::vector<Identifier> ids_;
  std::vector<Delivery> events_, orders_;
};

TEST(LeadContributionTest, FactsOfAnyScheduleAreThoseOfWholeJourneys) {
  const Pipeline pipeline = SmallPipeline();
  std::size_t cells = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Schedule schedule(seed, seed % 2 == 1);
    WorldOptions options;
    options.cache_bytes = seed % 3 == 0 ? 0 : 1 << 20;
    options.limits.part_bytes = 100;
    options.limits.guards.max_identifiers = seed % 4 == 0 ? 3 : 50;
    options.contribution = [&] { return MakeLeadContribution(pipeline); };
    World world(options);
    schedule.Play(&world);
    FactMap want;
    schedule.Expect(pipeline, options.limits.guards, &want);
    ASSERT_EQ(world.facts.cells, want.cells) << "seed " << seed;
    cells += want.cells.size();
  }
  EXPECT_GT(cells, 1000u);
}

}  // namespace
}  // namespace leadflow
