#include "engine/base/logger.h"

#include "engine/base/civil_time.h"
#include "engine/base/utf8_text.h"

namespace leadflow {
namespace {

std::string_view LevelName(Logger::Level level) {
  switch (level) {
    case Logger::Level::kInfo: return "info";
    case Logger::Level::kWarning: return "warning";
    case Logger::Level::kError: return "error";
  }
  return "";
}

void AppendText(std::string_view text, std::string* out) {
  if (text.size() <= Logger::kTextMax) return AppendJsonText(text, out);
  AppendJsonText(std::string(text.substr(0, Logger::kTextMax)) + " [cut]", out);
}

}  // namespace

void Logger::Log(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string time = TimeZone::Utc().Format(clock_.WallMillis());
  time.resize(time.find('+'));
  time += 'Z';
  std::string line = "{\"ts\":\"" + time + "\",\"level\":\"";
  line += LevelName(level);
  line += "\",\"message\":";
  AppendText(message, &line);
  for (const Field& field : fields) {
    line += ",\"";
    line += field.name;
    line += "\":";
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      line += std::to_string(*number);
    } else {
      AppendText(std::get<std::string_view>(field.value), &line);
    }
  }
  line += "}\n";
  const std::lock_guard lock(mutex_);
  write_(line);
}

}  // namespace leadflow
