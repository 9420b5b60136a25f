// Types, names and arguments of a tree. Every mistake is reported once; what follows from one is
// not.
#include <re2/re2.h>

#include "engine/config/expression_tree.h"
#include "engine/config/value_arithmetic.h"

namespace leadflow::expression {
namespace {

bool IsNumber(ValueType type) { return type == ValueType::kInt || type == ValueType::kDecimal; }

// Whether values of the two types can be compared at all.
bool Comparable(ValueType a, ValueType b) {
  return a == b || a == ValueType::kAny || b == ValueType::kAny || (IsNumber(a) && IsNumber(b));
}

std::string Named(ValueType type) {
  std::string name(ValueTypeName(type));
  return name == "any" ? "a value of the message" : name;
}

std::string_view Symbol(Operator op) {
  switch (op) {
    case Operator::kEqual: return "==";
    case Operator::kNotEqual: return "!=";
    case Operator::kLess: return "<";
    case Operator::kLessEqual: return "<=";
    case Operator::kGreater: return ">";
    case Operator::kGreaterEqual: return ">=";
    case Operator::kAdd: return "+";
    case Operator::kSubtract: return "-";
    case Operator::kMultiply: return "*";
    case Operator::kDivide: return "/";
  }
  return "?";
}

bool Fits(ValueType type, ArgumentKind kind) {
  if (type == ValueType::kAny) return true;
  switch (kind) {
    case ArgumentKind::kAnything: return true;
    case ArgumentKind::kText:
    case ArgumentKind::kConstantText: return type == ValueType::kString;
    case ArgumentKind::kInteger: return type == ValueType::kInt;
    case ArgumentKind::kNumber: return IsNumber(type);
    case ArgumentKind::kAmount:
      return IsNumber(type) || type == ValueType::kDuration || type == ValueType::kMoney;
    case ArgumentKind::kTextOrNumber: return type == ValueType::kString || IsNumber(type);
  }
  return false;
}

std::string_view Wanted(ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::kAnything: return "anything";
    case ArgumentKind::kText: return "a string";
    case ArgumentKind::kConstantText: return "a string in quotes";
    case ArgumentKind::kInteger: return "an int";
    case ArgumentKind::kNumber: return "a number";
    case ArgumentKind::kAmount: return "a number, duration or money";
    case ArgumentKind::kTextOrNumber: return "a string or a number";
  }
  return "something else";
}

class Checker {
 public:
  Checker(Source& source, Scope& scope, std::string_view zone)
      : source_(source), scope_(scope), zone_(zone) {}

  void Visit(Node& node) {
    for (auto& arg : node.args) {
      Visit(*arg);
      node.is_wrong = node.is_wrong || arg->is_wrong;
    }
    if (node.is_wrong) return;
    switch (node.kind) {
      case Node::Kind::kConstant: node.type = node.value.type; break;
      case Node::Kind::kName: Name(node); break;
      case Node::Kind::kPath: Path(node); break;
      case Node::Kind::kNot:
      case Node::Kind::kAnd:
      case Node::Kind::kOr: Logic(node); break;
      case Node::Kind::kNegate: Negation(node); break;
      case Node::Kind::kCompare: Comparison(node); break;
      case Node::Kind::kArithmetic: Arithmetic(node); break;
      case Node::Kind::kConditional: Conditional(node); break;
      case Node::Kind::kIn: In(node); break;
      case Node::Kind::kMatches: Matches(node, *node.args[0], *node.args[1]); break;
      case Node::Kind::kCall: Call(node); break;
      case Node::Kind::kElement: Element(node); break;
    }
  }

  void Result(ValueType expected, Node& root) {
    if (root.is_wrong) return;
    if (root.is_list) {
      return Wrong(root, root, "a list is no value", "take one part: split(...)[0]");
    }
    if (expected == ValueType::kAny || root.type == ValueType::kAny || root.type == expected ||
        root.type == ValueType::kNull) {
      return;
    }
    if (expected == ValueType::kDecimal && root.type == ValueType::kInt) {
      root.to_decimal = true;
      return;
    }
    if (expected == ValueType::kBool) {
      return Wrong(root, root, "a condition must be true or false, and this is " + Named(root.type),
                   "compare it with something: == \"...\"");
    }
    Wrong(root, root, "this is " + Named(root.type) + ", and " + Named(expected) + " is needed");
  }

 private:
  void Wrong(Node& node, const Node& place, std::string message, std::string hint = "") {
    source_.Error("type", place.begin, place.end, std::move(message), std::move(hint));
    node.is_wrong = true;
  }

  void Name(Node& node) {
    const std::optional<Scope::Slot> slot = scope_.Name(node.text);
    if (slot) {
      node.slot = slot->number;
      node.type = slot->type;
      return;
    }
    const std::string_view near = Nearest(node.text, scope_.names());
    source_.Error("unknown-field", node.begin, node.end, "no field `" + node.text + "`",
                  near.empty() ? std::string("a text stands in quotes: \"").append(node.text) + "\""
                               : "did you mean `" + std::string(near) + "`?");
    node.is_wrong = true;
  }

  void Path(Node& node) {
    const std::optional<Scope::Slot> slot = scope_.Path(node.path);
    if (slot) {
      node.slot = slot->number;
      node.type = slot->type;
      return;
    }
    source_.Error("unknown-field", node.begin, node.end,
                  "there is no message to read `$` from here",
                  "event fields are written by name: `kind`, `utm.source`");
    node.is_wrong = true;
  }

  void Logic(Node& node) {
    for (auto& arg : node.args) {
      const bool condition = arg->type == ValueType::kBool || arg->type == ValueType::kAny ||
                             arg->type == ValueType::kNull;
      if (arg->is_list || !condition) {
        Wrong(node, *arg, "this is " + Named(arg->type) + " and no condition",
              "compare it with something: == \"...\"");
      }
    }
    node.type = ValueType::kBool;
  }

  void Negation(Node& node) {
    const ValueType type = node.args[0]->type;
    if (!Fits(type, ArgumentKind::kAmount) && type != ValueType::kNull) {
      return Wrong(node, *node.args[0], "`-` of " + Named(type));
    }
    node.type = type;
  }

  void Comparison(Node& node) {
    const Node &a = *node.args[0], &b = *node.args[1];
    node.type = ValueType::kBool;
    if (a.type == ValueType::kNull || b.type == ValueType::kNull) {
      return Wrong(node, node, "a comparison with null is always false", "write has(x) or !has(x)");
    }
    const bool ordered = node.op != Operator::kEqual && node.op != Operator::kNotEqual;
    if (!Comparable(a.type, b.type) || (ordered && a.type == ValueType::kBool)) {
      std::string hint = "both sides must be of one type";
      if (IsNumber(a.type) && b.IsString()) {
        hint = "write " + b.text + " without quotes";
      } else if (a.type == ValueType::kTime || b.type == ValueType::kTime) {
        hint = "a time is written parse_time(\"2026-01-31T00:00:00Z\")";
      }
      Wrong(node, node,
            "`" + std::string(Symbol(node.op)) + "` compares " + Named(a.type) + " with " +
                Named(b.type),
            hint);
    }
  }

  void Arithmetic(Node& node) {
    const Node &a = *node.args[0], &b = *node.args[1];
    if (a.type == ValueType::kAny || b.type == ValueType::kAny || a.type == ValueType::kNull ||
        b.type == ValueType::kNull) {
      node.type = ValueType::kAny;
      return;
    }
    node.type = ResultOf(node.op, a.type, b.type);
    if (node.type == ValueType::kNull) {
      std::string hint;
      if (a.type == ValueType::kString || b.type == ValueType::kString) {
        hint = "concat(a, b) joins strings; int(x) reads a number";
      }
      Wrong(node, node,
            "`" + std::string(Symbol(node.op)) + "` of " + Named(a.type) + " and " + Named(b.type),
            hint);
    }
  }

  // kNull: there is none.
  static ValueType ResultOf(Operator op, ValueType a, ValueType b) {
    if (IsNumber(a) && IsNumber(b)) {
      if (op == Operator::kDivide) return ValueType::kDecimal;
      return a == ValueType::kInt && b == ValueType::kInt ? ValueType::kInt : ValueType::kDecimal;
    }
    const bool scaled_a = a == ValueType::kDuration || a == ValueType::kMoney;
    const bool scaled_b = b == ValueType::kDuration || b == ValueType::kMoney;
    switch (op) {
      case Operator::kAdd:
        if (a == b && scaled_a) return a;
        if (a == ValueType::kTime && b == ValueType::kDuration) return a;
        if (b == ValueType::kTime && a == ValueType::kDuration) return b;
        break;
      case Operator::kSubtract:
        if (a == b && scaled_a) return a;
        if (a == ValueType::kTime && b == ValueType::kDuration) return a;
        if (a == ValueType::kTime && b == ValueType::kTime) return ValueType::kDuration;
        break;
      case Operator::kMultiply:
        if (scaled_a && IsNumber(b)) return a;
        if (scaled_b && IsNumber(a)) return b;
        break;
      case Operator::kDivide:
        if (scaled_a && IsNumber(b)) return a;
        if (a == b && scaled_a) return ValueType::kDecimal;
        break;
      default: break;
    }
    return ValueType::kNull;
  }

  void Conditional(Node& node) {
    const Node& condition = *node.args[0];
    if (condition.type != ValueType::kBool && condition.type != ValueType::kAny) {
      return Wrong(node, condition, "this is " + Named(condition.type) + " and no condition");
    }
    node.type = Common(node, {node.args[1].get(), node.args[2].get()});
  }

  // The one type of alternatives; kAny if it is known only when the expression runs. Beside a
  // decimal an int becomes one.
  ValueType Common(Node& node, const std::vector<Node*>& alternatives) {
    ValueType common = ValueType::kNull;
    for (const Node* const alternative : alternatives) {
      const ValueType type = alternative->type;
      if (type == ValueType::kNull || type == common) continue;
      if (common == ValueType::kNull) {
        common = type;
      } else if (type == ValueType::kAny || common == ValueType::kAny) {
        common = ValueType::kAny;
      } else if (IsNumber(type) && IsNumber(common)) {
        common = ValueType::kDecimal;
      } else {
        Wrong(node, *alternative,
              "the alternatives are " + Named(common) + " and " + Named(type) + ", not one type");
        break;
      }
    }
    for (Node* const alternative : alternatives) {
      alternative->to_decimal =
          common == ValueType::kDecimal && alternative->type == ValueType::kInt;
    }
    return common;
  }

  void In(Node& node) {
    node.type = ValueType::kBool;
    const Node& what = *node.args[0];
    if (node.args.size() == 2 && node.args[1]->is_list) {
      if (!Fits(what.type, ArgumentKind::kText)) {
        Wrong(node, what, "split gives strings, and this is " + Named(what.type));
      }
      return;
    }
    for (std::size_t i = 1; i < node.args.size(); ++i) {
      const Node& member = *node.args[i];
      if (member.kind != Node::Kind::kConstant) {
        Wrong(node, member, "the members of a list are constants");
      } else if (!Comparable(what.type, member.type)) {
        Wrong(node, member,
              "the list has " + Named(member.type) + ", and " + Named(what.type) + " is looked up");
      }
    }
  }

  void Matches(Node& node, const Node& text, const Node& pattern) {
    node.type = ValueType::kBool;
    if (!Fits(text.type, ArgumentKind::kText)) {
      Wrong(node, text, "`matches` looks at strings, and this is " + Named(text.type));
    }
    if (!pattern.IsString()) {
      return Wrong(node, pattern, "the pattern of `matches` is a string in quotes");
    }
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    const RE2 regex(pattern.text, options);
    if (!regex.ok()) {
      source_.Error("pattern", pattern.begin, pattern.end,
                    "no regular expression: " + regex.error(), "the syntax is that of RE2");
      node.is_wrong = true;
    }
  }

  void Call(Node& node) {
    node.function = FindFunction(node.text);
    if (node.function == nullptr) {
      const std::string_view near = Nearest(node.text, FunctionNames());
      source_.Error("unknown-function", node.begin, node.name_end,
                    "no function `" + node.text + "`",
                    near.empty() ? std::string() : "did you mean `" + std::string(near) + "`?");
      node.is_wrong = true;
      return;
    }
    const Function& f = *node.function;
    if (node.args.size() < f.fewest || node.args.size() > f.most) {
      source_.Error("arguments", node.begin, node.end,
                    "`" + node.text + "` does not take " + std::to_string(node.args.size()) +
                        (node.args.size() == 1 ? " argument" : " arguments"),
                    "it is " + std::string(f.usage));
      node.is_wrong = true;
      return;
    }
    for (std::size_t i = 0; i < node.args.size(); ++i) Argument(node, f, i);
    if (node.is_wrong) return;
    Special(node);
    if (!node.is_wrong && f.result != ValueType::kNull) node.type = f.result;
  }

  void Argument(Node& node, const Function& f, std::size_t i) {
    const Node& arg = *node.args[i];
    const ArgumentKind kind = f.arguments[std::min<std::size_t>(i, 2)];
    if (arg.is_list && f.id != FunctionId::kLen) {
      return Wrong(node, arg, "a list is no value", "take one part: split(...)[0]");
    }
    if (arg.is_list) return;
    if (kind == ArgumentKind::kConstantText && !arg.IsString()) {
      return Wrong(node, arg, "`" + node.text + "` wants " + std::string(Wanted(kind)) + " here",
                   "it is " + std::string(f.usage));
    }
    if (arg.type != ValueType::kNull && !Fits(arg.type, kind)) {
      Wrong(node, arg,
            "`" + node.text + "` wants " + std::string(Wanted(kind)) + " here, and this is " +
                Named(arg.type),
            "it is " + std::string(f.usage));
    }
  }

  void Special(Node& node) {
    switch (node.function->id) {
      case FunctionId::kHas:
        if (node.args[0]->kind != Node::Kind::kName && node.args[0]->kind != Node::Kind::kPath) {
          Wrong(node, *node.args[0], "has() asks for a field", "it is has(utm.source)");
        }
        break;
      case FunctionId::kMatches: Matches(node, *node.args[0], *node.args[1]); break;
      case FunctionId::kSplit: node.is_list = true; break;
      case FunctionId::kParseTime: Time(node); break;
      case FunctionId::kUrlPart:
        if (!UrlPartFromName(node.args[1]->text)) {
          Wrong(node, *node.args[1], "no part `" + node.args[1]->text + "` of a url",
                "there are \"host\", \"path\" and \"query\"");
        }
        break;
      case FunctionId::kCoalesce:
      case FunctionId::kMin:
      case FunctionId::kMax: {
        std::vector<Node*> all;
        for (const auto& arg : node.args) all.push_back(arg.get());
        node.type = Common(node, all);
        break;
      }
      case FunctionId::kAbs: node.type = node.args[0]->type; break;
      default: break;
    }
  }

  // The zone must be known; a text with an offset of its own does not need it, but nobody can
  // promise.
  void Time(Node& node) {
    const std::string zone = node.args.size() == 3 ? node.args[2]->text : std::string(zone_);
    if (zone.empty()) {
      source_.Error("zone", node.begin, node.end, "parse_time needs a time zone",
                    "give the source `time_zone:`, or a third argument");
      node.is_wrong = true;
    } else if (!TimeZone::Load(zone)) {
      const Node& place = node.args.size() == 3 ? *node.args[2] : node;
      source_.Error("zone", place.begin, place.end, "no time zone `" + zone + "`",
                    "an IANA name like Europe/Berlin");
      node.is_wrong = true;
    }
  }

  void Element(Node& node) {
    if (!node.args[0]->is_list) {
      return Wrong(node, *node.args[0], "only split(...) has parts that [n] takes");
    }
    node.type = ValueType::kString;
  }

  Source& source_;
  Scope& scope_;
  std::string_view zone_;
};

}  // namespace

void Check(Source& source, Scope& scope, ValueType expected, std::string_view zone, Node* root) {
  Checker checker(source, scope, zone);
  checker.Visit(*root);
  checker.Result(expected, *root);
}

}  // namespace leadflow::expression
