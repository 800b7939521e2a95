#include <algorithm>
#include <cmath>
#include <cstdio>

#include "pgrightsizer/api/connection_policy.h"
#include "pgrightsizer/base/rfc3339.h"
#include "pgrightsizer/replay/output.h"

namespace pgrightsizer::replay {

namespace {

constexpr double kWidth = 960;
constexpr double kHeight = 360;
constexpr double kLeft = 56;
constexpr double kRight = 20;
constexpr double kTop = 44;
constexpr double kBottom = 34;
// More corners than pixels cannot be seen.
constexpr double kColumns = kWidth - kLeft - kRight;

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value);
  return text;
}

class Plot {
 public:
  explicit Plot(const Report& report) : report_(report) {
    for (const auto& point : report.points)
      most_ = std::max({most_, point.demand, point.max_connections});
    begin_ = report.points.empty() ? Time{} : report.points.front().time;
    span_ = std::max(1.0, report.days * 86'400'000.0);
  }

  [[nodiscard]] std::string draw() const {
    return head() + shades() + axes() + line("demand", [](const Point& p) { return p.demand; }) +
           line("limit", [](const Point& p) { return p.max_connections; }) + restarts() + legend() +
           "</svg>\n";
  }

 private:
  [[nodiscard]] double x(Time time) const {
    return kLeft + kColumns * static_cast<double>((time - begin_).count()) / span_;
  }
  [[nodiscard]] double y(Count value) const {
    const double part = static_cast<double>(value) / static_cast<double>(std::max(Count{1}, most_));
    return kHeight - kBottom - part * (kHeight - kTop - kBottom);
  }
  [[nodiscard]] double end() const { return kLeft + kColumns; }

  [[nodiscard]] static std::string head() {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 360\" font-family=\"sans-serif\" "
           "font-size=\"12\">\n<style>\n"
           "text{fill:#333}.axis{stroke:#999;fill:none}.demand{stroke:#2a7fba;fill:none}"
           ".limit{stroke:#c0392b;fill:none;stroke-width:1.6}.pooled{fill:#2a7fba;opacity:.12}"
           ".direct-restart{fill:#c0392b}.pooled-restart{fill:#27ae60}\n"
           "@media(prefers-color-scheme:dark){text{fill:#ddd}.demand{stroke:#6db6e8}"
           ".limit{stroke:#ff7b6b}.direct-restart{fill:#ff7b6b}.pooled-restart{fill:#5fd68b}}\n"
           "</style>\n";
  }

  // The time behind the pooler.
  [[nodiscard]] std::string shades() const {
    std::string out;
    for (std::size_t i = 0; i < report_.moves.size(); ++i) {
      if (report_.moves[i].to != sizing::Route::Pooler) continue;
      const double from = x(report_.moves[i].time);
      const double to = i + 1 < report_.moves.size() ? x(report_.moves[i + 1].time) : end();
      out += "<rect class=\"pooled\" x=\"" + decimal(from) + "\" y=\"" + decimal(kTop) + "\" width=\"" +
             decimal(std::max(0.5, to - from)) + "\" height=\"" + decimal(kHeight - kTop - kBottom) +
             "\"/>\n";
    }
    return out;
  }

  [[nodiscard]] std::string axes() const {
    std::string out = "<path class=\"axis\" d=\"M" + decimal(kLeft) + " " + decimal(kTop) + "V" +
                      decimal(kHeight - kBottom) + "H" + decimal(end()) + "\"/>\n";
    for (int i = 0; i <= 4; ++i) {
      const Count value = most_ * i / 4;
      out += "<text x=\"" + decimal(kLeft - 6) + "\" y=\"" + decimal(y(value) + 4) +
             "\" text-anchor=\"end\">" + std::to_string(value) + "</text>\n";
    }
    for (int i = 0; i <= 4; ++i) {
      const Time time = begin_ + transition::milliseconds(static_cast<std::int64_t>(span_ * i / 4));
      out += "<text x=\"" + decimal(x(time)) + "\" y=\"" + decimal(kHeight - 12) +
             "\" text-anchor=\"" + (i == 0 ? "start" : i == 4 ? "end" : "middle") + "\">" +
             to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)).substr(0, 16) + "</text>\n";
    }
    return out;
  }

  // A step line; within one column of pixels only its lowest and highest value are drawn.
  template <typename Value>
  [[nodiscard]] std::string line(const char* name, Value value) const {
    std::string path;
    double column = -1;
    Count low = 0;
    Count high = 0;
    Count last = 0;
    const auto flush = [&] {
      if (column < 0) return;
      path += (path.empty() ? "M" : "L") + decimal(column) + " " + decimal(y(low));
      if (high != low) path += "L" + decimal(column) + " " + decimal(y(high));
      path += "L" + decimal(column) + " " + decimal(y(last));
    };
    for (const auto& point : report_.points) {
      const double here = std::floor(x(point.time));
      if (here != column) {
        flush();
        if (column >= 0) path += "L" + decimal(here) + " " + decimal(y(last));
        column = here;
        low = high = value(point);
      }
      last = value(point);
      low = std::min(low, last);
      high = std::max(high, last);
    }
    flush();
    path += "L" + decimal(end()) + " " + decimal(y(last));
    return "<path class=\"" + std::string(name) + "\" d=\"" + path + "\"/>\n";
  }

  [[nodiscard]] std::string restarts() const {
    std::string out;
    double before = -1;
    for (const auto& one : report_.restarts) {
      const double here = x(one.time);
      if (here - before < 1) continue;
      before = here;
      out += "<circle class=\"" + std::string(one.pooled ? "pooled-restart" : "direct-restart") +
             "\" cx=\"" + decimal(here) + "\" cy=\"" + decimal(y(one.to)) + "\" r=\"3\"/>\n";
    }
    return out;
  }

  [[nodiscard]] std::string legend() const {
    const std::string summary = std::to_string(report_.restarts.size()) + " restarts, " +
                                std::to_string(report_.pooled_restarts()) + " of them behind the pooler, " +
                                std::to_string(report_.exposed_minutes()) + " exposed minutes";
    return "<text x=\"56\" y=\"18\" font-size=\"14\">" + summary + "</text>\n" +
           "<text x=\"56\" y=\"36\"><tspan class=\"demand\" stroke=\"none\" style=\"fill:#2a7fba\">— what the "
           "applications may open</tspan>  <tspan style=\"fill:#c0392b\">— max_connections</tspan>  shaded: "
           "behind the pooler  ● restarts, green: without a loss</text>\n";
  }

  const Report& report_;
  Count most_ = 1;
  Time begin_;
  double span_ = 1;
};

}  // namespace

std::string to_svg(const Report& report) { return Plot(report).draw(); }

}  // namespace pgrightsizer::replay
