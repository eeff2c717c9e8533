#!/usr/bin/env bash
# A C++ program of threads, containers and exceptions, compiled here, that knows nothing of roost.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need g++

cat >"$work/program.cc" <<'CXX'
#include <algorithm>
#include <any>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <regex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct node {
    std::map<std::string, std::shared_ptr<node>> children;
    std::any payload;
};

static std::shared_ptr<node> grow(std::mt19937 &random, int depth)
{
    auto n = std::make_shared<node>();
    n->payload = depth % 2 ? std::any(std::string(random() % 200, 'p')) : std::any(std::vector<int>(random() % 100, depth));
    if (depth > 0)
        for (unsigned i = 0; i < 1 + random() % 4; i++)
            n->children["child " + std::to_string(random() % 1000) + std::string(i * 10, ' ')] = grow(random, depth - 1);
    return n;
}

static size_t weigh(const node &n)
{
    size_t w = 1;
    try {
        w += std::any_cast<const std::string &>(n.payload).size();
    } catch (const std::bad_any_cast &) {
        w += std::any_cast<const std::vector<int> &>(n.payload).size();
    }
    for (auto &c : n.children)
        w += c.first.size() + weigh(*c.second);
    return w;
}

static size_t work(unsigned seed)
{
    std::mt19937 random(seed);
    size_t sum = 0;
    for (int i = 0; i < 15; i++) {
        auto tree = grow(random, 7);
        sum += weigh(*tree);
        auto gone = std::async(std::launch::async, [t = std::move(tree)]() mutable { t.reset(); return 1; });
        sum += gone.get();
        std::stringstream s;
        for (int j = 0; j < 500; j++)
            s << random() % 1000 << ';';
        std::string text = s.str();
        static const std::regex number("([0-9]+);");
        sum += std::distance(std::sregex_iterator(text.begin(), text.end(), number), std::sregex_iterator());
        std::function<void(int)> thrower = [&](int d) {
            std::vector<std::unique_ptr<std::string>> held;
            held.push_back(std::make_unique<std::string>(1000, 'e'));
            if (d == 0)
                throw std::out_of_range("seed " + std::to_string(seed));
            thrower(d - 1);
        };
        try {
            thrower(int(random() % 30));
        } catch (const std::exception &e) {
            sum += std::string(e.what()).size();
        }
        try {
            std::vector<char> impossible(std::vector<char>().max_size() - i);
        } catch (const std::bad_alloc &) {
            sum += 3;
        }
    }
    return sum;
}

int main()
{
    std::vector<std::thread> threads;
    std::vector<size_t> result(8);
    for (unsigned i = 0; i < result.size(); i++)
        threads.emplace_back([i, &result] { result[i] = work(i); });
    for (auto &t : threads)
        t.join();
    for (size_t r : result)
        std::cout << r << '\n';
    try {
        std::thread([] {}).join();
        std::rethrow_exception(std::async(std::launch::async, []() -> std::exception_ptr {
                                   return std::make_exception_ptr(std::runtime_error("from another thread"));
                               }).get());
    } catch (const std::runtime_error &e) {
        std::cout << e.what() << '\n';
    }
}
CXX
cd "$work"
g++ -std=c++17 -O1 -pthread program.cc -o program
g++ -std=c++17 -O1 -pthread -static-libstdc++ -static-libgcc program.cc -o program-static
on_system 120 ./program >glibc.out
for program in ./program ./program-static; do
    on_roost_proved 120 "$program" >roost.out
    same glibc.out roost.out "the output of $program"
done
echo "$(wc -l <roost.out) lines are the same, also with libstdc++ linked statically"
