#include "app/member.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace leadflow::app {
namespace {

class MemberTest : public ::testing::Test {
 protected:
  MemberTest() {
    directory_ = ::testing::TempDir() + "member_test_" + std::to_string(::getpid());
    std::filesystem::create_directories(directory_);
    ::unsetenv(Member::kVariable);
  }
  ~MemberTest() override {
    std::filesystem::remove_all(directory_);
    ::unsetenv(Member::kVariable);
  }

  // After it, the directory may be locked again.
  std::string Name() const {
    const Result<Member> member = Member::Of(directory_);
    return member.ok() ? member->name() : "error: " + std::string(member.status().message());
  }

  std::string directory_;
};

TEST_F(MemberTest, ANameThatWasMadeStays) {
  const std::string name = Name();
  EXPECT_EQ(name.size(), 16u);
  EXPECT_EQ(Name(), name);
}

TEST_F(MemberTest, TheEnvironmentNamesIt) {
  const std::string made = Name();
  ::setenv(Member::kVariable, "shop-leadflow-0", 1);
  EXPECT_EQ(Name(), "shop-leadflow-0");
  ::setenv(Member::kVariable, "", 1);  // As not set.
  EXPECT_EQ(Name(), made);
}

TEST_F(MemberTest, WhatIsNoNameIsRefused) {
  for (const std::string& bad : {std::string("a b"), std::string("a/b"), std::string(201, 'a')}) {
    ::setenv(Member::kVariable, bad.c_str(), 1);
    const Result<Member> member = Member::Of(directory_);
    EXPECT_EQ(member.status().code(), ErrorCode::kInvalidArgument) << bad;
    EXPECT_EQ(member.status().message().find(Member::kVariable), 0u);
  }
}

TEST_F(MemberTest, OneProcessHasTheDirectory) {
  const Result<Member> first = Member::Of(directory_);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Member::Of(directory_).status().code(), ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace leadflow::app
