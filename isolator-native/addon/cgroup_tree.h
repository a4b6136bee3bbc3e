#pragma once

#include <functional>
#include <string>
#include <vector>

namespace isolator {

/** Names of the directories directly below; empty when it cannot be read. */
std::vector<std::string> ChildCgroups(const std::string& directory);

/** Visits a cgroup and all below it, children before their parents. */
void VisitCgroups(const std::string& directory, const std::function<void(const std::string&)>& visit);

/** Pids in one cgroup's `cgroup.procs`. False with errno when it cannot be read. */
bool ReadPids(const std::string& directory, std::vector<int>& pids);

/** Whole file as text; a cgroup file is made at the first read, so that one pass is enough. Returns 0 or the errno. */
int ReadWhole(const std::string& path, std::string& text);

/** One write(2) of the whole text: cgroup files take a value only in one piece. Returns 0 or the errno. */
int WriteWhole(const std::string& path, const std::string& text);

}  // namespace isolator
