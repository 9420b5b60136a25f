#include "engine/runtime/plan.h"

#include <numeric>
#include <set>

namespace leadflow {
namespace {

struct Node {
  std::string id;
  std::string label;
  bool topic = false;
};
struct Graph {
  std::vector<Node> nodes;
  std::vector<std::pair<std::string, std::string>> edges;
};

Graph GraphOf(const Plan& plan) {
  Graph graph;
  const std::string parts = " x" + std::to_string(plan.partitions);
  std::size_t number = 0;
  for (const SourcePlan& source : plan.sources) {
    const std::string id = "source" + std::to_string(number++);
    graph.nodes.push_back({id, source.name + " x" + std::to_string(source.partitions.size())});
    graph.edges.emplace_back(id, "events_topic");
  }
  graph.nodes.push_back({"events_topic", plan.events_topic() + parts, true});
  graph.nodes.push_back({"events", plan.events.name + parts});
  graph.nodes.push_back({"facts_topic", plan.facts_topic() + parts, true});
  graph.nodes.push_back({"facts", plan.facts.name + parts});
  graph.edges.emplace_back("events_topic", "events");
  graph.edges.emplace_back("events", "events_topic");
  graph.edges.emplace_back("events", "facts_topic");
  graph.edges.emplace_back("facts_topic", "facts");
  number = 0;
  for (const std::string& output : plan.outputs) {
    const std::string id = "output" + std::to_string(number++);
    graph.nodes.push_back({id, output});
    graph.edges.emplace_back("facts", id);
  }
  return graph;
}

// Inside double quotes of dot and mermaid.
std::string Quoted(std::string_view text, bool mermaid) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') {
      out += mermaid ? "#quot;" : "\\\"";
    } else if (c == '\\' && !mermaid) {
      out += "\\\\";
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out + "\"";
}

std::string PrintDot(const Plan& plan) {
  const Graph graph = GraphOf(plan);
  std::string out = "digraph " + Quoted(plan.app, false) + " {\n  rankdir=LR;\n";
  for (const Node& node : graph.nodes) {
    out += "  " + node.id + " [label=" + Quoted(node.label, false) +
           (node.topic ? ", shape=cylinder];\n" : ", shape=box];\n");
  }
  for (const auto& [from, to] : graph.edges) out += "  " + from + " -> " + to + ";\n";
  return out + "}\n";
}

std::string PrintMermaid(const Plan& plan) {
  const Graph graph = GraphOf(plan);
  std::string out = "flowchart LR\n";
  for (const Node& node : graph.nodes) {
    out += "  " + node.id + (node.topic ? "[(" : "[") + Quoted(node.label, true) +
           (node.topic ? ")]\n" : "]\n");
  }
  for (const auto& [from, to] : graph.edges) out += "  " + from + " --> " + to + "\n";
  return out;
}

void AddLine(std::string_view kind, std::string_view name, std::string_view description,
             std::string* out) {
  out->append(kind).append(" ").append(name);
  if (!description.empty()) out->append(": ").append(description);
  out->push_back('\n');
}

std::string PrintText(const Plan& plan) {
  std::string out;
  AddLine("job", plan.app, std::to_string(plan.partitions) + " partitions", &out);
  for (const SourcePlan& source : plan.sources) {
    AddLine("source", source.name, source.description, &out);
    for (const SourcePartition& partition : source.partitions) {
      AddLine("  reads", partition.name, "", &out);
    }
    AddLine("  writes", plan.events_topic(), "", &out);
  }
  AddLine("stage", plan.events.name, plan.events.description, &out);
  AddLine("  reads", plan.events_topic(), "", &out);
  AddLine("  writes", plan.events_topic() + ", " + plan.facts_topic(), "", &out);
  AddLine("  remembers in", plan.changelog_topic("events"), "", &out);
  AddLine("stage", plan.facts.name, plan.facts.description, &out);
  AddLine("  reads", plan.facts_topic(), "", &out);
  AddLine("  remembers in", plan.changelog_topic("facts"), "", &out);
  for (const OutputTopic& topic : plan.output_topics) AddLine("  writes", topic.name, "", &out);
  for (const std::string& output : plan.outputs) AddLine("output", output, "", &out);
  AddLine("dead letters", plan.dead_letters_topic(), "", &out);
  return out;
}

}  // namespace

std::string SourcePartitionId(std::string_view source, std::string_view partition) {
  std::string id(source);
  id.push_back('\0');
  return id.append(partition);
}

std::vector<TopicSpec> Plan::Topics() const {
  std::vector<TopicSpec> topics = {
      {events_topic(), partitions, Cleanup::kDelete},
      {facts_topic(), partitions, Cleanup::kDelete},
      {dead_letters_topic(), 1, Cleanup::kDelete},
      {changelog_topic("ingest"), partitions, Cleanup::kCompact},
      {changelog_topic("events"), partitions, Cleanup::kCompact},
      {changelog_topic("facts"), partitions, Cleanup::kCompact},
  };
  for (const OutputTopic& topic : output_topics) {
    topics.push_back({topic.name, topic.partitions, topic.cleanup, true});
  }
  return topics;
}

std::vector<std::uint32_t> Plan::AllPartitions() const {
  std::vector<std::uint32_t> all(partitions);
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

Status Plan::Check() const {
  if (app.empty()) return Status::InvalidArgument("the plan has no name");
  if (partitions == 0) return Status::InvalidArgument("the plan has no partitions");
  if (!events.make || !facts.make) return Status::InvalidArgument("the plan lacks a stage");
  std::set<std::string> seen;
  for (const SourcePlan& source : sources) {
    if (!source.ingest) {
      return Status::InvalidArgument("source `" + source.name + "` has no ingest operator");
    }
    for (const SourcePartition& partition : source.partitions) {
      if (!partition.open || !seen.insert(SourcePartitionId(source.name, partition.name)).second) {
        return Status::InvalidArgument("source `" + source.name + "`: partition `" +
                                       partition.name + "` cannot be opened or is there twice");
      }
    }
  }
  for (const TopicSpec& topic : Topics()) {
    if (!seen.insert(topic.name).second) {
      return Status::InvalidArgument("topic " + topic.name + " would be written in two ways");
    }
  }
  return {};
}

std::string Plan::Print(Format format) const {
  switch (format) {
    case Format::kText: return PrintText(*this);
    case Format::kDot: return PrintDot(*this);
    case Format::kMermaid: return PrintMermaid(*this);
  }
  return {};
}

}  // namespace leadflow
