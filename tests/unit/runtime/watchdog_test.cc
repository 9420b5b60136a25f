// A thread that hangs is found, and only that.
#include "engine/runtime/watchdog.h"

#include <future>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/toy_job.h"

namespace leadflow::toy {
namespace {

TEST(WatchdogTest, AThreadThatBeatsIsNeverFound) {
  Watchdog dog(2);
  for (int i = 0; i < 100; ++i) {
    dog.Beat(0);
    if (i % 2 == 0) dog.Beat(1);
    EXPECT_EQ(dog.Look(2), std::nullopt) << i;
  }
}

TEST(WatchdogTest, AThreadThatIsSilentForAllLooksIsFound) {
  Watchdog dog(3);
  dog.Done(2);
  EXPECT_EQ(dog.Look(3), std::nullopt);  // Sees how far they are.
  for (int i = 0; i < 2; ++i) {
    dog.Beat(0);
    EXPECT_EQ(dog.Look(3), std::nullopt) << i;
  }
  dog.Beat(0);
  EXPECT_EQ(dog.Look(3), 1U);
  dog.Beat(1);
  EXPECT_EQ(dog.Look(3), std::nullopt);
}

// A disk that takes what is asked of it and does not answer before it is told to.
class SilentStores final : public StoreFactory {
 public:
  Result<std::unique_ptr<KeyedStore>> Open(std::string_view name) override {
    answers_.wait();
    return disk_.Open(name);
  }
  Status Remove(std::string_view name) override { return disk_.Remove(name); }

  std::promise<void> answer;

 private:
  MemoryStoreFactory disk_;
  const std::shared_future<void> answers_ = answer.get_future().share();
};

TEST(WatchdogTest, ARunTellsOfItsThreadThatHangs) {
  Machine machine({{"a=1"}, {"b=2"}});
  machine.OpenLog();
  const Plan plan = machine.MakePlan();
  SilentStores stores;
  std::promise<std::uint32_t> found;
  RuntimeOptions options;
  options.thread = machine.options;
  options.hang_ms = 200;
  options.on_hang = [&](std::uint32_t thread) {
    found.set_value(thread);
    stores.answer.set_value();
  };
  VirtualClock clock(1'000'000);
  Runtime runtime(plan, *machine.log, stores, clock, options);
  EXPECT_OK(runtime.Run([](const Runtime::Progress&) { return Status(); }));
  EXPECT_EQ(found.get_future().get(), 0U);
}

}  // namespace
}  // namespace leadflow::toy
