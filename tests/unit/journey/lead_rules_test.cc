// The rules of what journeys mean, one by one, with expectations worked out by hand.
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "operators/facts/fact_builder.h"
#include "operators/journey/lead_batch.h"
#include "tests/unit/journey/lead_testing.h"

namespace leadflow {
namespace {

// Minutes behind the first day.
std::string Minutes(std::int64_t time_ms) {
  const std::int64_t ms = time_ms - kDay;
  std::string text = std::to_string(ms / kMinute);
  if (ms % kMinute != 0) text += ":" + std::to_string(ms % kMinute / 1000);
  return text;
}

class Recorder final : public OccurrenceSink {
 public:
  explicit Recorder(const Pipeline& pipeline) : pipeline_(pipeline) {}

  void Add(const Occurrence& o, int) override {
    std::ostringstream out;
    switch (o.of) {
      case Subject::Of::kEvent:
        out << KindName(o.kind);
        if (o.machine) out << " machine";
        if (o.distinct_only) out << " distinct";
        break;
      case Subject::Of::kVisit:
        out << "visit pages=" << o.page_views << " dwell=" << o.dwell_ms / 1000
            << " engaged=" << o.engaged_ms / 1000 << (o.bounce ? " bounce" : "");
        break;
      case Subject::Of::kLeadCreation: out << "lead"; break;
      case Subject::Of::kStageFirst: out << "first " << Stage(o); break;
      case Subject::Of::kStageEntry: out << "enter " << Stage(o); break;
      case Subject::Of::kOrder: out << "order " << o.amount; break;
      case Subject::Of::kDealWon: out << "won " << o.amount; break;
      case Subject::Of::kDealLost: out << "lost"; break;
      case Subject::Of::kGoal: {
        out << "goal " << pipeline_.goals[static_cast<std::size_t>(o.goal)].name;
        if (o.amount != 0) out << " " << o.amount;
        for (const CreditedTouch& touch : o.conversion->touches) {
          out << " " << Minutes(touch.time_ms) << "/" << touch.dimensions.channel;
        }
        out << " first=" << o.conversion->first << " creation=" << o.conversion->creation
            << " opportunity=" << o.conversion->opportunity;
        break;
      }
      default: out << "?"; break;
    }
    if (o.duration >= 0) out << " duration=" << o.duration_ms / 1000;
    if (o.booked_refund) out << " refund of " << o.booked_before << (o.counts ? "" : " part");
    if (!o.restated) out << " booked";
    if (!o.booked) out << " restated";
    out << " @" << Minutes(o.time_ms) << " " << o.by_default.channel;
    if (!o.by_default.campaign.empty()) out << "/" << o.by_default.campaign;
    lines_.push_back(out.str());
  }

  // Lines that begin with a word, sorted.
  std::vector<std::string> Of(const std::string& word) const {
    std::vector<std::string> lines;
    for (const std::string& line : lines_) {
      if (line.rfind(word, 0) == 0) lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

 private:
  std::string Stage(const Occurrence& o) const {
    return pipeline_.stages[static_cast<std::size_t>(o.stage)].name;
  }
  const Pipeline& pipeline_;
  std::vector<std::string> lines_;
};

using Lines = std::vector<std::string>;

class LeadRulesTest : public testing::Test {
 protected:
  using O = EventMaker::Options;

  void At(double minutes, Kind kind, O options = O()) {
    if (options.id.empty()) options.id = "e" + std::to_string(++events_);
    const auto time = kDay + static_cast<std::int64_t>(minutes * static_cast<double>(kMinute));
    ASSERT_TRUE(journey_.Insert(events_maker_.Make(kind, time, options)).ok());
  }
  Record& Order(const std::string& id, int minutes, std::int64_t amount) {
    Record record;
    record.id = "order/" + id;
    record.event_id = id;
    record.time_ms = kDay + minutes * kMinute;
    record.gross_minor = record.net_minor = amount;
    record.currency = "EUR";
    records_.push_back(record);
    return records_.back();
  }
  Lines Of(const std::string& word) {
    for (const Record& record : records_) journey_.PutRecord(record);
    const FactBuilder facts(maker_.p);
    const DerivationRules rules(maker_.p, facts, true);
    Recorder recorder(maker_.p);
    EXPECT_TRUE(LeadBatch(rules, &recorder, [] {}).Run(journey_, nullptr, nullptr).ok());
    return recorder.Of(word);
  }
  void Goal(GoalSpec::On on, bool cycle = false, std::int64_t lookback_ms = 365 * kDay) {
    GoalSpec goal;
    goal.name = "g";
    goal.on = on;
    goal.cycle = cycle;
    goal.lookback_ms = lookback_ms;
    maker_.p.goals.push_back(goal);
  }
  void StageOn(const std::string& name, ExpressionPtr on, bool reenter = false) {
    StageSpec stage;
    stage.name = name;
    stage.on = std::move(on);
    stage.reenter = reenter;
    maker_.p.stages.push_back(stage);
  }

  PipelineMaker maker_;
  EventMaker events_maker_;
  Journey journey_ = NewJourney();
  std::vector<Record> records_;
  int events_ = 0;
};

TEST_F(LeadRulesTest, GapOfHalfAnHourIsStillTheSameVisit) {
  At(0, Kind::kPageView, {.device = "d"});
  At(30, Kind::kPageView, {.device = "d"});
  At(60.01, Kind::kPageView, {.device = "d"});
  EXPECT_EQ(Of("visit"), (Lines{"visit pages=1 dwell=0 engaged=0 bounce @60:0 Direct",
                                "visit pages=2 dwell=1800 engaged=0 @0 Direct"}));
}

TEST_F(LeadRulesTest, DevicesAndTheLeadItselfHaveVisitsOfTheirOwn) {
  At(0, Kind::kPageView, {.device = "d1"});
  At(1, Kind::kPageView, {.device = "d2"});
  At(2, Kind::kPageView);
  EXPECT_EQ(Of("visit").size(), 3u);
}

TEST_F(LeadRulesTest, SessionLastsWithoutEventsButNoLongerThanADay) {
  At(0, Kind::kPageView, {.session = "s", .device = "d"});
  At(24 * 60, Kind::kPageView, {.session = "s", .device = "d"});
  At(24 * 60 + 1, Kind::kPageView, {.session = "s", .device = "d"});
  EXPECT_EQ(Of("visit"), (Lines{"visit pages=1 dwell=0 engaged=0 bounce @1441 Direct",
                                "visit pages=2 dwell=86400 engaged=0 @0 Direct"}));
}

TEST_F(LeadRulesTest, EventWithoutSessionJoinsTheSessionItLiesAt) {
  At(0, Kind::kPageView, {.device = "d"});  // 30 before: joins, does not widen
  At(30, Kind::kPageView, {.session = "s", .device = "d"});
  At(100, Kind::kPageView, {.session = "s", .device = "d"});
  At(130, Kind::kPageView, {.device = "d"});    // 30 after: joins
  At(130.5, Kind::kPageView, {.device = "d"});  // a visit of its own
  EXPECT_EQ(Of("visit"), (Lines{"visit pages=1 dwell=0 engaged=0 bounce @130:30 Direct",
                                "visit pages=4 dwell=7800 engaged=0 @0 Direct"}));
}

TEST_F(LeadRulesTest, FormsAreOfTheWebOnlyWithDeviceOrSession) {
  At(0, Kind::kFormSubmit);
  EXPECT_EQ(Of("visit").size(), 0u);
  At(1, Kind::kFormSubmit, {.session = "s"});
  EXPECT_EQ(Of("visit"), (Lines{"visit pages=0 dwell=0 engaged=0 @1 Direct"}));
}

TEST_F(LeadRulesTest, ActionMakesNoBounceAndMachinesMakeNoVisit) {
  At(0, Kind::kPageView, {.device = "d"});
  At(1, Kind::kAction, {.device = "d"});
  At(2, Kind::kPageView, {.device = "d", .machine = true});
  At(100, Kind::kPageView, {.device = "d", .machine = true});
  EXPECT_EQ(Of("visit"), (Lines{"visit pages=1 dwell=60 engaged=0 @0 Direct"}));
}

TEST_F(LeadRulesTest, FirstEventWithAnOriginDecidesForTheVisitAndItsEvents) {
  At(0, Kind::kPageView, {.device = "d"});
  At(1, Kind::kPageView, {.device = "d", .campaign = "c1", .medium = "cpc"});
  At(2, Kind::kPageView, {.device = "d", .campaign = "c2", .medium = "social"});
  At(3, Kind::kAction, {.device = "d"});
  EXPECT_EQ(Of("visit"), (Lines{"visit pages=3 dwell=180 engaged=0 @0 Paid/c1"}));
  EXPECT_EQ(Of("action"), (Lines{"action @3 Paid/c1"}));
  EXPECT_EQ(Of("page_view"),
            (Lines{"page_view @0 Paid/c1", "page_view @1 Paid/c1", "page_view @2 Social/c2"}));
}

TEST_F(LeadRulesTest, OptionsCutAtCampaignAndMidnight) {
  maker_.p.visits.new_on_campaign = true;
  maker_.p.visits.new_at_midnight = true;
  At(-10, Kind::kPageView, {.device = "d"});
  At(10, Kind::kPageView, {.device = "d"});
  At(20, Kind::kPageView, {.device = "d", .campaign = "c1"});
  At(25, Kind::kPageView, {.device = "d"});
  EXPECT_EQ(Of("visit").size(), 3u);
}

TEST_F(LeadRulesTest, EngagedTimeCountsDistinctSlotsOfEachPage) {
  // Slots of 10 s: 0, 1, 1, 3 of the first page: 10 x 2 + 5; one of the second: 5.
  Measure engaged = maker_.Of(Measure::Type::kSum, Subject::Of::kVisit);
  engaged.field = "engaged_time";
  maker_.Kpi("engaged", engaged, {});
  At(0, Kind::kPageView, {.device = "d"});
  for (const int second : {5, 12, 18, 35}) {
    At(second / 60.0, Kind::kPagePing, {.device = "d"});
  }
  At(5, Kind::kPageView, {.device = "d"});
  At(100, Kind::kPagePing, {.device = "d"});
  EXPECT_EQ(Of("visit"), (Lines{"visit pages=2 dwell=300 engaged=30 @0 Direct"}));
}

TEST_F(LeadRulesTest, ClickShortlyBeforeAVisitOrInsideBelongsToIt) {
  Goal(GoalSpec::On::kOrder);
  At(0, Kind::kEmailClick);  // 31 before: a touch of its own
  At(1, Kind::kEmailClick);  // 30 before: belongs to the visit
  At(31, Kind::kPageView, {.device = "d", .campaign = "c1"});
  At(35, Kind::kFormSubmit, {.campaign = "c2"});  // inside, another campaign: its own
  At(36, Kind::kFormSubmit, {.campaign = "c1"});
  At(40, Kind::kPageView, {.device = "d"});
  Order("1", 50, 100);
  EXPECT_EQ(Of("goal"), (Lines{"goal g 100 0/email_click 31/Direct 35/Direct first=0 creation=2 "
                               "opportunity=-1 @50 email_click"}));
}

TEST_F(LeadRulesTest, LookbackIncludesBothEnds) {
  Goal(GoalSpec::On::kOrder, false, 10 * kMinute);
  At(9.99, Kind::kMeeting);
  At(10, Kind::kMeeting);
  At(20, Kind::kCall);
  At(20.01, Kind::kCall);
  Order("1", 20, 100);
  EXPECT_EQ(Of("goal"), (Lines{"goal g 100 10/Direct 20/Direct first=0 creation=-1 "
                               "opportunity=-1 @20 Direct"}));
}

TEST_F(LeadRulesTest, NewestTouchesAreKeptAboveTheLimit) {
  maker_.p.attribution.max_touches = 2;
  Goal(GoalSpec::On::kOrder);
  for (int i = 0; i < 5; ++i) At(i, Kind::kMeeting);
  Order("1", 10, 100);
  EXPECT_EQ(Of("goal"), (Lines{"goal g 100 3/Direct 4/Direct first=0 creation=-1 "
                               "opportunity=-1 @10 Direct"}));
}

TEST_F(LeadRulesTest, OrderWithoutTouchIsUnattributed) {
  Goal(GoalSpec::On::kOrder);
  At(0, Kind::kEmailOpen);
  At(1, Kind::kMeeting, {.machine = true});
  Order("1", 10, 100);
  EXPECT_EQ(Of("goal"), (Lines{"goal g 100 first=-1 creation=-1 opportunity=-1 @10 Unattributed"}));
  EXPECT_EQ(Of("order"), (Lines{"order 100 @10 Unattributed"}));
}

TEST_F(LeadRulesTest, CreditingTouchIsTheLastThatIsNotDirect) {
  At(0, Kind::kMeeting, {.campaign = "c1", .medium = "cpc"});
  At(1, Kind::kMeeting);
  Order("1", 10, 100);
  Order("2", 0, 200);
  EXPECT_EQ(Of("order"), (Lines{"order 100 @10 Paid/c1", "order 200 @0 Paid/c1"}));
}

TEST_F(LeadRulesTest, CycleStartsBehindThePreviousStandingConversion) {
  Goal(GoalSpec::On::kOrder, true);
  At(0, Kind::kMeeting);
  At(5, Kind::kCall);
  At(15, Kind::kCall);
  Order("1", 5, 100);
  Record& removed = Order("2", 10, 200);
  removed.counts = false;
  removed.net_minor = 0;
  Order("3", 20, 300);
  EXPECT_EQ(Of("goal"), (Lines{"goal g 100 0/Direct 5/Direct first=0 creation=-1 opportunity=-1 "
                               "@5 Direct",
                               "goal g 300 15/Direct first=0 creation=-1 opportunity=-1 "
                               "@20 Direct"}));
}

TEST_F(LeadRulesTest, LeadIsCreatedByTheFirstSuchEventWhenKnown) {
  At(0, Kind::kFormSubmit, {.device = "d", .known = false});
  At(5, Kind::kPageView, {.device = "d"});
  At(6, Kind::kFairVisit, {.machine = true});
  At(10, Kind::kFairVisit, {.campaign = "Hannover"});
  At(20, Kind::kFormSubmit);
  EXPECT_EQ(Of("lead"), (Lines{"lead @10 fair_visit/Hannover"}));
}

TEST_F(LeadRulesTest, LaterStageImpliesTheSkippedOnes) {
  StageOn("visitor", IsKind("page_view"));
  StageOn("mql", IsKind("meeting"));
  StageOn("customer", IsKind("order"));
  At(0, Kind::kPageView, {.device = "d"});
  Order("1", 10, 100);
  At(20, Kind::kMeeting);  // back: not without reenter
  EXPECT_EQ(Of("enter"), (Lines{"enter customer @10 Direct", "enter mql @10 Direct",
                                "enter visitor @0 Direct"}));
  EXPECT_EQ(Of("first").size(), 3u);
}

TEST_F(LeadRulesTest, StageIsEnteredAgainOnlyIfItSaysSo) {
  StageOn("mql", IsKind("meeting"), true);
  StageOn("customer", IsKind("order"));
  At(0, Kind::kMeeting);
  Order("1", 10, 100);
  At(20, Kind::kMeeting);
  At(30, Kind::kMeeting);
  EXPECT_EQ(Of("first"), (Lines{"first customer @10 Direct", "first mql @0 Direct"}));
  EXPECT_EQ(Of("enter"),
            (Lines{"enter customer @10 Direct", "enter mql @0 Direct", "enter mql @20 Direct"}));
}

TEST_F(LeadRulesTest, CancelledOrderEntersNoStage) {
  StageOn("customer", IsKind("order"));
  At(0, Kind::kOrder, {.id = "1"});
  Order("1", 0, 100).counts = false;
  EXPECT_TRUE(Of("enter").empty());
}

TEST_F(LeadRulesTest, ScoreIsCappedPerDayAndDecays) {
  StageSpec hot;
  hot.name = "hot";
  hot.when = When([](const FieldSource& f) { return f.Field(kSlotScore).integer >= 10; });
  maker_.p.stages = {hot};
  maker_.p.score_half_life_ms = 24 * kHour;
  maker_.p.scoring = {{4, IsKind("meeting"), 8, kDay}, {3, IsKind("call"), 0, 0}};
  At(0, Kind::kMeeting);
  At(1, Kind::kMeeting);
  At(2, Kind::kMeeting);         // capped: 8
  At(24 * 60, Kind::kCall);      // 4 + 3
  At(24 * 60 + 1, Kind::kCall);  // 10
  EXPECT_EQ(Of("enter"), (Lines{"enter hot @1441 Direct"}));
}

TEST_F(LeadRulesTest, MilestonesFindTheirTouches) {
  StageOn("opportunity", IsKind("stage_change"));
  maker_.p.attribution.opportunity_stage = 0;
  Goal(GoalSpec::On::kOrder);
  At(0, Kind::kMeeting);
  At(5, Kind::kFairVisit);
  At(7, Kind::kStageChange);
  At(9, Kind::kCall);
  Order("1", 10, 100);
  EXPECT_EQ(Of("goal"), (Lines{"goal g 100 0/Direct 5/fair_visit 9/Direct first=0 creation=1 "
                               "opportunity=1 @10 fair_visit"}));
}

TEST_F(LeadRulesTest, ReactionWithinTenSecondsOfItsDeliveryIsAMachine) {
  At(0, Kind::kEmailDelivered, {.message = "m"});
  At(9.0 / 60, Kind::kEmailOpen, {.message = "m"});
  At(9.0 / 60, Kind::kEmailOpen, {.message = "other"});
  At(10.0 / 60, Kind::kEmailClick, {.message = "m"});
  EXPECT_EQ(Of("email_open"),
            (Lines{"email_open @0:9 email_open", "email_open machine @0:9 email_open"}));
  EXPECT_EQ(Of("email_click"), (Lines{"email_click @0:10 email_click"}));
}

class MailRulesTest : public LeadRulesTest {
 protected:
  void SetUp() override {
    maker_.Kpi("d", maker_.Of(Measure::Type::kDistinctLeads, Subject::Of::kEvent, Kind::kEmailOpen),
               {});
  }
  Lines Distinct(const std::string& kind) { return Of(kind + " distinct"); }
};

TEST_F(MailRulesTest, ReactionsCountInTheWindowOfTheirSend) {
  At(0, Kind::kEmailSent, {.campaign = "c"});
  At(50, Kind::kEmailSent, {.campaign = "c"});
  At(60, Kind::kEmailClick, {.campaign = "c"});
  EXPECT_EQ(Distinct("email_click"), (Lines{"email_click distinct @50 email_click/c"}));
  EXPECT_EQ(Distinct("email_open"), (Lines{"email_open distinct @50 email_click/c"}));
  EXPECT_EQ(Distinct("email_delivered"), (Lines{"email_delivered distinct @0 Direct/c",
                                                "email_delivered distinct @50 Direct/c"}));
}

TEST_F(MailRulesTest, MessageIdBeatsTheNewestSend) {
  At(0, Kind::kEmailSent, {.campaign = "c", .message = "m1"});
  At(50, Kind::kEmailSent, {.campaign = "c", .message = "m2"});
  At(60, Kind::kEmailOpen, {.campaign = "c", .message = "m1"});
  EXPECT_EQ(Distinct("email_open"), (Lines{"email_open distinct @0 email_open/c"}));
}

TEST_F(MailRulesTest, FirstReactionStandsForAMissingSend) {
  At(5, Kind::kEmailOpen, {.campaign = "c", .machine = true});
  At(9, Kind::kEmailOpen, {.campaign = "c"});
  EXPECT_EQ(Distinct("email_sent"), (Lines{"email_sent distinct @5 email_open/c"}));
  EXPECT_EQ(Distinct("email_open"), (Lines{"email_open distinct @5 email_open/c"}));
  EXPECT_EQ(Distinct("email_open").size() + Of("email_open machine distinct").size(), 2u);
}

TEST_F(MailRulesTest, HardBounceIsNotDeliveredButASoftOneIs) {
  At(0, Kind::kEmailSent, {.campaign = "hard"});
  At(1, Kind::kEmailBounce, {.campaign = "hard", .hard = true});
  At(2, Kind::kEmailSent, {.campaign = "soft"});
  At(3, Kind::kEmailBounce, {.campaign = "soft"});
  EXPECT_EQ(Distinct("email_delivered"), (Lines{"email_delivered distinct @2 Direct/soft"}));
}

TEST_F(LeadRulesTest, RefundsAreBookedWhenTheyCome) {
  Measure booked = maker_.Of(Measure::Type::kSum, Subject::Of::kOrder);
  booked.ledger = Ledger::kBooked;
  maker_.Kpi("booked", booked, {});
  Record& order = Order("1", 10, 1000);
  order.refunds = {{kDay, 300, false}, {kDay + 20 * kMinute, 700, true}};
  order.net_minor = 0;
  order.counts = false;
  EXPECT_EQ(Of("order"), (Lines{"order -300 refund of 1000 part booked @10 Unattributed",
                                "order -700 refund of 700 booked @20 Unattributed",
                                "order 1000 booked @10 Unattributed"}));
}

TEST_F(LeadRulesTest, LongSilenceBeginsALeadOfItsOwn) {
  maker_.p.journey_ttl_ms = 60 * kMinute;
  maker_.p.anonymous_ttl_ms = 30 * kMinute;
  StageOn("known", IsKind("fair_visit"));
  At(0, Kind::kFairVisit);
  At(60, Kind::kFairVisit);   // the same journey
  At(121, Kind::kFairVisit);  // another one
  Order("1", 110, 100);       // between: of the one before
  EXPECT_EQ(Of("lead"), (Lines{"lead @0 fair_visit", "lead @121 fair_visit"}));
  EXPECT_EQ(Of("first").size(), 2u);
}

TEST_F(LeadRulesTest, DurationsRunToTheirLaterEnd) {
  const auto duration = [&](Subject::Of from, Subject::Of to) {
    Measure measure;
    measure.type = Measure::Type::kMeanTime;
    measure.duration = true;
    measure.from.of = from;
    measure.to.of = to;
    measure.subject = measure.to;
    maker_.Kpi("d" + std::to_string(maker_.p.kpis.size()), measure, {});
  };
  duration(Subject::Of::kFirstTouch, Subject::Of::kOrder);
  duration(Subject::Of::kOrder, Subject::Of::kLeadCreation);  // negative: left out
  At(0, Kind::kMeeting);
  At(4, Kind::kFairVisit);
  Order("1", 10, 100);
  Lines found;
  for (const std::string& line : Of("")) {
    if (line.find("duration") != std::string::npos) found.push_back(line);
  }
  EXPECT_EQ(found, (Lines{"order 100 duration=600 @10 fair_visit"}));
}

TEST_F(LeadRulesTest, WonDealIsAConversionOnlyWhileItStands) {
  Goal(GoalSpec::On::kDealWon);
  At(0, Kind::kMeeting);
  Record deal = Order("d", 10, 500);
  records_.clear();
  deal.id = "deal/d";
  deal.kind = Kind::kDealChange;
  FieldsWriter(&deal.fields).Text(Field::kStatus, "won");
  records_.push_back(deal);
  EXPECT_EQ(Of("goal").size(), 1u);
  EXPECT_EQ(Of("won"), (Lines{"won 500 @10 Direct"}));
  records_.back().fields.clear();
  FieldsWriter(&records_.back().fields).Text(Field::kStatus, "lost");
  EXPECT_TRUE(Of("goal").empty());
  EXPECT_EQ(Of("lost"), (Lines{"lost @10 Direct"}));
}

}  // namespace
}  // namespace leadflow
