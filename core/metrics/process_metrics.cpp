#include "core/metrics/process_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/metrics/family_list.hpp"

namespace fp {

namespace {

/// Fields of /proc/self/stat, by their numbers in proc(5).
struct stat_fields {
  std::vector<std::string> values;
  double at(size_t number) const { return number < values.size() ? std::stod(values[number]) : 0; }
};

stat_fields read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // The program's name, in parentheses, may hold anything.
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return {};
  stat_fields out{{"", "", ""}};
  std::istringstream rest(text.substr(end_of_name + 1));
  for (std::string field; rest >> field;) out.values.push_back(field);
  return out;
}

/// Unix time at which the machine started; 0 when it is not known.
double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

void add_stat(family_list& out) {
  constexpr size_t utime = 14, stime = 15, starttime = 22, vsize = 23, rss = 24;
  const auto stat = read_stat();
  if (stat.values.size() <= rss) return;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  out.add_counter("process_cpu_seconds_total", "Processor time, in the program and in the system, in seconds", {},
                  (stat.at(utime) + stat.at(stime)) / ticks);
  if (const double booted = boot_time(); booted > 0) {
    out.add_gauge("process_start_time_seconds", "When the process started, in Unix time", {},
                  booted + stat.at(starttime) / ticks);
  }
  out.add_gauge("process_virtual_memory_bytes", "Virtual memory", {}, stat.at(vsize));
  out.add_gauge("process_resident_memory_bytes", "Resident memory, mapped files included", {}, stat.at(rss) * page);
}

void add_descriptors(family_list& out) {
  std::error_code failed;
  double open = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end;
       at.increment(failed)) {
    open++;
  }
  // One of them was the folder's own.
  if (!failed && open > 0) out.add_gauge("process_open_fds", "Open file descriptors", {}, open - 1);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    out.add_gauge("process_max_fds", "File descriptors that may be open", {}, static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace

void process_metrics::write_to(family_list& out) const {
  add_stat(out);
  add_descriptors(out);
}

}  // namespace fp
