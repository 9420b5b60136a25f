// PlainOperator: what most operators of tests have in common: they keep their context, and prepare
// nothing.
#pragma once

#include "engine/api/operator.h"

namespace leadflow {

class PlainOperator : public Operator {
 public:
  Status Open(OperatorContext& context) override {
    context_ = &context;
    return {};
  }
  Status Prepare() override { return {}; }

 protected:
  OperatorContext* context_ = nullptr;
};

}  // namespace leadflow
