// Compiled expressions: the checked tree as flat code for a small stack machine.
#include "engine/config/expression.h"

#include <algorithm>
#include <cstring>
#include <map>

#include <re2/re2.h>

#include "engine/config/expression_tree.h"
#include "engine/config/value_arithmetic.h"

namespace leadflow {
namespace expression {
namespace {

enum class Code : std::uint8_t {
  kConstant,  // push constants[a]
  kField,     // push field a
  kNot,
  kNegate,
  kAndJump,       // pop; if it is not true push false and go to a
  kOrJump,        // pop; if it is true push true and go to a
  kTruth,         // top becomes a bool (null: false)
  kJump,          // go to a
  kJumpUnless,    // pop; go to a unless true
  kCompare,       // by op
  kCompareText,   // field a with text constants[b], by op; the quick way of the most common test
  kArithmetic,    // by op
  kInConstants,   // top in lists[a]
  kMatches,       // top against patterns[a]
  kHas,           // field a
  kIsNull,        // top: peek; if not null go to a, else pop
  kCall,          // function, b arguments
  kParseTime,     // readers[a]
  kUrlPart,       // part a
  kSplitElement,  // text, separator; element constants[a]
  kSplitCount,
  kSplitContains,
  kToDecimal,
};

struct Op {
  Code code;
  Operator op = Operator::kEqual;
  FunctionId function = FunctionId::kAbs;
  std::int32_t a = 0;
  std::int32_t b = 0;
};

bool Holds(Operator op, int order) {
  switch (op) {
    case Operator::kEqual: return order == 0;
    case Operator::kNotEqual: return order != 0;
    case Operator::kLess: return order < 0;
    case Operator::kLessEqual: return order <= 0;
    case Operator::kGreater: return order > 0;
    case Operator::kGreaterEqual: return order >= 0;
    default: return false;
  }
}

Value CompareValues(Operator op, const Value& a, const Value& b) {
  const std::optional<int> order = Compare(a, b);
  return Value::Bool(order && Holds(op, *order));
}

Value Arithmetic(Operator op, const Value& a, const Value& b) {
  switch (op) {
    case Operator::kAdd: return Add(a, b);
    case Operator::kSubtract: return Subtract(a, b);
    case Operator::kMultiply: return Multiply(a, b);
    case Operator::kDivide: return Divide(a, b);
    default: return Value::Null();
  }
}

// The members of `in [..]`: strings sorted, others in a row.
struct List {
  std::vector<std::string_view> texts;
  std::vector<Value> others;

  bool Has(const Value& value) const {
    if (value.type == ValueType::kString) {
      return std::binary_search(texts.begin(), texts.end(), value.string());
    }
    return std::any_of(others.begin(), others.end(),
                       [&](const Value& other) { return Compare(value, other) == 0; });
  }
};

struct Program {
  std::vector<Op> ops;
  std::vector<Value> constants;
  std::vector<std::unique_ptr<std::string>> texts;  // what string constants point to
  std::vector<List> lists;
  std::vector<std::unique_ptr<RE2>> patterns;
  std::vector<TimeReader> readers;
  int deepest = 0;
};

class Compiler {
 public:
  Compiler(std::string_view zone, Program* program) : zone_(zone), p_(*program) {}

  void Emit(const Node& node) {
    switch (node.kind) {
      case Node::Kind::kConstant: Push(Code::kConstant, Constant(node)); break;
      case Node::Kind::kName:
      case Node::Kind::kPath: Push(Code::kField, node.slot); break;
      case Node::Kind::kNot:
      case Node::Kind::kNegate:
        Emit(*node.args[0]);
        Add({node.kind == Node::Kind::kNot ? Code::kNot : Code::kNegate});
        break;
      case Node::Kind::kAnd:
      case Node::Kind::kOr: Chain(node); break;
      case Node::Kind::kCompare: Comparison(node); break;
      case Node::Kind::kArithmetic: {
        Emit(*node.args[0]);
        Emit(*node.args[1]);
        Op op{Code::kArithmetic};
        op.op = node.op;
        Pop(Add(op), 1);
        break;
      }
      case Node::Kind::kConditional: Conditional(node); break;
      case Node::Kind::kIn: In(node); break;
      case Node::Kind::kMatches: Matches(*node.args[0], *node.args[1]); break;
      case Node::Kind::kCall: Call(node); break;
      case Node::Kind::kElement: {
        const Node& split = *node.args[0];
        Emit(*split.args[0]);
        Emit(*split.args[1]);
        Pop(Add({Code::kSplitElement, {}, {}, Keep(node.value), 0}), 1);
        break;
      }
    }
    if (node.to_decimal) Add({Code::kToDecimal});
  }

 private:
  std::size_t Add(Op op) {
    p_.ops.push_back(op);
    return p_.ops.size() - 1;
  }
  void Push(Code code, std::int32_t a) {
    Add({code, {}, {}, a, 0});
    p_.deepest = std::max(p_.deepest, ++depth_);
  }
  void Pop(std::size_t, int count) { depth_ -= count; }
  std::int32_t Here() const { return static_cast<std::int32_t>(p_.ops.size()); }

  std::int32_t Keep(Value value) {
    p_.constants.push_back(value);
    return static_cast<std::int32_t>(p_.constants.size() - 1);
  }
  Value Text(const std::string& text) {
    p_.texts.push_back(std::make_unique<std::string>(text));
    return Value::String(*p_.texts.back());
  }
  std::int32_t Constant(const Node& node) {
    return Keep(node.IsString() ? Text(node.text) : node.value);
  }

  void Chain(const Node& node) {
    const Code jump = node.kind == Node::Kind::kAnd ? Code::kAndJump : Code::kOrJump;
    std::vector<std::size_t> jumps;
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      Emit(*node.args[i]);
      if (i + 1 == node.args.size()) break;
      jumps.push_back(Add({jump}));
      --depth_;
    }
    Add({Code::kTruth});
    for (const std::size_t at : jumps) p_.ops[at].a = Here();
  }

  void Comparison(const Node& node) {
    const Node &a = *node.args[0], &b = *node.args[1];
    const bool field = a.kind == Node::Kind::kName || a.kind == Node::Kind::kPath;
    if (field && b.IsString()) {
      Push(Code::kCompareText, a.slot);
      p_.ops.back().op = node.op;
      p_.ops.back().b = Constant(b);
      return;
    }
    Emit(a);
    Emit(b);
    Op op{Code::kCompare};
    op.op = node.op;
    Pop(Add(op), 1);
  }

  void Conditional(const Node& node) {
    Emit(*node.args[0]);
    const std::size_t unless = Add({Code::kJumpUnless});
    --depth_;
    Emit(*node.args[1]);
    const std::size_t end = Add({Code::kJump});
    p_.ops[unless].a = Here();
    --depth_;
    Emit(*node.args[2]);
    p_.ops[end].a = Here();
  }

  void In(const Node& node) {
    Emit(*node.args[0]);
    if (node.args.size() == 2 && node.args[1]->is_list) {
      const Node& split = *node.args[1];
      Emit(*split.args[0]);
      Emit(*split.args[1]);
      Pop(Add({Code::kSplitContains}), 2);
      return;
    }
    List list;
    for (std::size_t i = 1; i < node.args.size(); ++i) {
      const Node& member = *node.args[i];
      if (member.IsString()) {
        list.texts.push_back(Text(member.text).string());
      } else {
        list.others.push_back(member.value);
      }
    }
    std::sort(list.texts.begin(), list.texts.end());
    p_.lists.push_back(std::move(list));
    Add({Code::kInConstants, {}, {}, static_cast<std::int32_t>(p_.lists.size() - 1), 0});
  }

  void Matches(const Node& text, const Node& pattern) {
    Emit(text);
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    p_.patterns.push_back(std::make_unique<RE2>(pattern.text, options));
    Add({Code::kMatches, {}, {}, static_cast<std::int32_t>(p_.patterns.size() - 1), 0});
  }

  void Call(const Node& node) {
    switch (node.function->id) {
      case FunctionId::kHas: return Push(Code::kHas, node.args[0]->slot);
      case FunctionId::kMatches: return Matches(*node.args[0], *node.args[1]);
      case FunctionId::kCoalesce: return Coalesce(node);
      case FunctionId::kParseTime: return Time(node);
      case FunctionId::kUrlPart:
        Emit(*node.args[0]);
        Add({Code::kUrlPart,
             {},
             {},
             static_cast<std::int32_t>(*UrlPartFromName(node.args[1]->text)),
             0});
        return;
      case FunctionId::kLen:
        if (node.args[0]->is_list) {
          Emit(*node.args[0]->args[0]);
          Emit(*node.args[0]->args[1]);
          return Pop(Add({Code::kSplitCount}), 1);
        }
        break;
      default: break;
    }
    for (const auto& arg : node.args) Emit(*arg);
    Op op{Code::kCall};
    op.function = node.function->id;
    op.b = static_cast<std::int32_t>(node.args.size());
    Pop(Add(op), static_cast<int>(node.args.size()) - 1);
  }

  void Coalesce(const Node& node) {
    std::vector<std::size_t> jumps;
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      Emit(*node.args[i]);
      if (i + 1 == node.args.size()) break;
      jumps.push_back(Add({Code::kIsNull}));
      --depth_;
    }
    for (const std::size_t at : jumps) p_.ops[at].a = Here();
  }

  void Time(const Node& node) {
    Emit(*node.args[0]);
    TimeReader reader;
    if (node.args.size() > 1) reader.format = node.args[1]->text;
    reader.zone = TimeZone::Load(node.args.size() > 2 ? node.args[2]->text : std::string(zone_));
    p_.readers.push_back(std::move(reader));
    Add({Code::kParseTime, {}, {}, static_cast<std::int32_t>(p_.readers.size() - 1), 0});
  }

  std::string_view zone_;
  Program& p_;
  int depth_ = 0;
};

Value CompareText(const Program& program, const Op& op, const Value& field) {
  if (field.type != ValueType::kString) return Value::Bool(false);
  const Value& text = program.constants[static_cast<std::size_t>(op.b)];
  const int order = op.op == Operator::kEqual || op.op == Operator::kNotEqual
                        ? (field.string() == text.string() ? 0 : 1)
                        : field.string().compare(text.string());
  return Value::Bool(Holds(op.op, order));
}

class Machine {
 public:
  Machine(const Program& program, const FieldSource& fields, EvalArena& arena, Value* stack)
      : p_(program), fields_(fields), arena_(arena), top_(stack) {}

  Value Run() {
    const std::size_t size = p_.ops.size();
    for (std::size_t at = 0; at < size;) at = Step(p_.ops[at], at);
    return *(top_ - 1);
  }

 private:
  std::size_t Step(const Op& op, std::size_t at) {
    Value& last = *(top_ - 1);  // meaningless while the stack is empty, and not read then
    switch (op.code) {
      case Code::kConstant: *top_++ = p_.constants[static_cast<std::size_t>(op.a)]; break;
      case Code::kField: *top_++ = fields_.Field(op.a); break;
      case Code::kHas: *top_++ = Value::Bool(!fields_.Field(op.a).is_null()); break;
      case Code::kCompareText: *top_++ = CompareText(p_, op, fields_.Field(op.a)); break;
      case Code::kNot: last = Value::Bool(!last.IsTrue()); break;
      case Code::kNegate: last = Negate(last); break;
      case Code::kTruth: last = Value::Bool(last.IsTrue()); break;
      case Code::kAndJump:
      case Code::kOrJump:
        if (last.IsTrue() == (op.code == Code::kOrJump)) {
          last = Value::Bool(op.code == Code::kOrJump);
          return static_cast<std::size_t>(op.a);
        }
        --top_;
        break;
      case Code::kJump: return static_cast<std::size_t>(op.a);
      case Code::kJumpUnless:
        --top_;
        if (!last.IsTrue()) return static_cast<std::size_t>(op.a);
        break;
      case Code::kIsNull:
        if (!last.is_null()) return static_cast<std::size_t>(op.a);
        --top_;
        break;
      case Code::kCompare: Two(CompareValues(op.op, *(top_ - 2), last)); break;
      case Code::kArithmetic: Two(Arithmetic(op.op, *(top_ - 2), last)); break;
      case Code::kInConstants:
        last = Value::Bool(p_.lists[static_cast<std::size_t>(op.a)].Has(last));
        break;
      case Code::kMatches: Match(op, last); break;
      case Code::kCall: {
        top_ -= op.b;
        *top_ = expression::Call(op.function, top_, static_cast<std::size_t>(op.b), arena_);
        ++top_;
        break;
      }
      case Code::kParseTime:
        last = ParseTime(last, p_.readers[static_cast<std::size_t>(op.a)]);
        break;
      case Code::kUrlPart: last = PartOfUrl(last, static_cast<UrlPart>(op.a), arena_); break;
      case Code::kSplitElement:
        Two(SplitElement(*(top_ - 2), last, p_.constants[static_cast<std::size_t>(op.a)].integer));
        break;
      case Code::kSplitCount: Two(SplitCount(*(top_ - 2), last)); break;
      case Code::kSplitContains: {
        const Value result = SplitContains(*(top_ - 3), *(top_ - 2), last);
        top_ -= 2;
        *(top_ - 1) = result;
        break;
      }
      case Code::kToDecimal: last = ToDecimal(last); break;
    }
    return at + 1;
  }

  void Two(const Value& result) {
    --top_;
    *(top_ - 1) = result;
  }

  void Match(const Op& op, Value& last) {
    const bool found =
        last.type == ValueType::kString &&
        RE2::PartialMatch(re2::StringPiece(last.string().data(), last.string().size()),
                          *p_.patterns[static_cast<std::size_t>(op.a)]);
    last = Value::Bool(found);
  }

  const Program& p_;
  const FieldSource& fields_;
  EvalArena& arena_;
  Value* top_;
};

class Compiled final : public Expression {
 public:
  Compiled(std::string text, ValueType type, Program program)
      : text_(std::move(text)), type_(type), program_(std::move(program)) {
    for (const Op& op : program_.ops) {
      const bool reads =
          op.code == Code::kField || op.code == Code::kHas || op.code == Code::kCompareText;
      if (reads) slots_.push_back(op.a);
    }
    std::sort(slots_.begin(), slots_.end());
    slots_.erase(std::unique(slots_.begin(), slots_.end()), slots_.end());
  }

  Value Evaluate(const FieldSource& fields, EvalArena& arena) const override {
    // Most values of a mapping are one field, most conditions compare one with a text.
    if (program_.ops.size() == 1) {
      const Op& op = program_.ops[0];
      if (op.code == Code::kField) return fields.Field(op.a);
      if (op.code == Code::kCompareText) return CompareText(program_, op, fields.Field(op.a));
    }
    if (program_.deepest <= kSmall) {
      Value stack[kSmall + 1];
      return Machine(program_, fields, arena, stack + 1).Run();
    }
    std::vector<Value> stack(static_cast<std::size_t>(program_.deepest) + 1);
    return Machine(program_, fields, arena, stack.data() + 1).Run();
  }
  ValueType type() const override { return type_; }
  std::string_view text() const override { return text_; }
  const std::vector<int>& slots() const override { return slots_; }

 private:
  static constexpr int kSmall = 6;
  const std::string text_;
  const ValueType type_;
  const Program program_;
  std::vector<int> slots_;
};

}  // namespace
}  // namespace expression

std::unique_ptr<const Expression> Expression::Compile(std::string_view text, Position at,
                                                      Scope& scope, ValueType expected,
                                                      std::string_view zone,
                                                      Diagnostics* diagnostics) {
  expression::Source source(text, at, diagnostics);
  if (text.size() > expression::kMostTextBytes) {
    source.Error("limit", 0, 1, "an expression of more than 8 KiB");
    return nullptr;
  }
  std::optional<std::vector<expression::Token>> tokens = expression::Tokenize(source);
  if (!tokens) return nullptr;
  const std::unique_ptr<expression::Node> root = expression::Parse(source, std::move(*tokens));
  if (!root) return nullptr;
  expression::Check(source, scope, expected, zone, root.get());
  if (!source.ok()) return nullptr;
  expression::Program program;
  expression::Compiler(zone, &program).Emit(*root);
  const ValueType type = root->to_decimal ? ValueType::kDecimal : root->type;
  return std::make_unique<expression::Compiled>(std::string(text), type, std::move(program));
}

}  // namespace leadflow
