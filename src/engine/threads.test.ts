import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { chooseThreads, defaultThreads, parseProcessorList } from './threads.js';

const work = mkdtempSync(path.join(os.tmpdir(), 'bertwright-threads-'));
after(() => rmSync(work, { recursive: true, force: true }));

let machines = 0;

/** A directory with the proc/ and sys/ of another machine. */
function machine(files: Readonly<Record<string, string>>): string {
  machines += 1;
  const root = path.join(work, String(machines));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

const status = (allowed: string): Record<string, string> => ({ 'proc/self/status': `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${allowed}\nMems_allowed_list:\t0\n` });

/** thread_siblings_list of each processor. */
function siblings(of: (processor: number) => string, processors: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: processors }, (_, i) => [`sys/devices/system/cpu/cpu${i}/topology/thread_siblings_list`, `${of(i)}\n`]));
}

const alone = String;
/** Two sockets of 4 cores, 2 threads each, numbered as Linux does: threads of core i are i and i + 8. */
const twoSockets = siblings((i) => `${i % 8},${(i % 8) + 8}`, 16);

const version2: Record<string, string> = {
  'proc/self/cgroup': '0::/user.slice/job\n',
  'proc/self/mountinfo': '25 1 0:22 / /proc rw - proc proc rw\n31 25 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n',
};
const version1: Record<string, string> = {
  'proc/self/cgroup': '5:memory:/docker/f00\n4:cpu,cpuacct:/docker/f00\n1:name=systemd:/docker/f00\n',
  'proc/self/mountinfo': [
    '40 31 0:30 /docker/f00 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
    '41 31 0:31 /docker/f00 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct',
  ].join('\n'),
};

const cases: readonly { readonly title: string; readonly files: Record<string, string>; readonly available?: number; readonly threads: number; readonly reason: string }[] = [
  {
    title: 'two sockets with two threads a core: one thread for each physical core',
    files: { ...status('0-15'), ...twoSockets },
    threads: 8,
    reason: 'the least of 16 processors allowed and 8 physical cores',
  },
  {
    title: 'an affinity mask counts only the cores that it touches',
    files: { ...status('0-2,8,10'), ...twoSockets },
    threads: 3,
    reason: 'the least of 5 processors allowed and 3 physical cores',
  },
  {
    title: 'an affinity mask of one processor: one thread',
    files: { ...status('9'), ...twoSockets },
    threads: 1,
    reason: 'the least of 1 processor allowed and 1 physical core',
  },
  {
    title: 'a quota of 1.5 cores, version 2: two threads, which use it whole',
    files: { ...status('0-3'), ...siblings(alone, 4), ...version2, 'sys/fs/cgroup/user.slice/job/cpu.max': '150000 100000\n', 'sys/fs/cgroup/user.slice/cpu.max': 'max 100000\n' },
    threads: 2,
    reason: 'the least of 4 processors allowed, 4 physical cores and a CPU quota of 1.5 cores',
  },
  {
    title: 'a quota of a group above holds too',
    files: { ...status('0-3'), ...siblings(alone, 4), ...version2, 'sys/fs/cgroup/user.slice/job/cpu.max': '400000 100000\n', 'sys/fs/cgroup/user.slice/cpu.max': '50000 50000\n' },
    threads: 1,
    reason: 'the least of 4 processors allowed, 4 physical cores and a CPU quota of 1 core',
  },
  {
    title: 'a quota of a tenth of a core: still one thread',
    files: { ...status('0-3'), ...siblings(alone, 4), ...version2, 'sys/fs/cgroup/user.slice/job/cpu.max': '10000 100000\n' },
    threads: 1,
    reason: 'the least of 4 processors allowed, 4 physical cores and a CPU quota of 0.1 cores',
  },
  {
    title: 'a quota larger than the machine changes nothing',
    files: { ...status('0-3'), ...siblings(alone, 4), ...version2, 'sys/fs/cgroup/user.slice/job/cpu.max': '900000 100000\n' },
    threads: 4,
    reason: 'the least of 4 processors allowed, 4 physical cores and a CPU quota of 9 cores',
  },
  {
    title: 'a control group outside of what the container mounts: the top of the mount counts',
    files: { ...status('0-7'), ...siblings(alone, 8), ...version2, 'proc/self/cgroup': '0::/../../elsewhere\n', 'sys/fs/cgroup/cpu.max': '300000 100000\n', 'sys/elsewhere/cpu.max': '100000 100000\n' },
    threads: 3,
    reason: 'the least of 8 processors allowed, 8 physical cores and a CPU quota of 3 cores',
  },
  {
    title: 'a quota of version 1 in a container that mounts its own group',
    files: { ...status('0-7'), ...siblings(alone, 8), ...version1, 'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '250000\n', 'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n' },
    threads: 3,
    reason: 'the least of 8 processors allowed, 8 physical cores and a CPU quota of 2.5 cores',
  },
  {
    title: 'version 1 without a limit (-1)',
    files: { ...status('0-1'), ...siblings(alone, 2), ...version1, 'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n', 'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n' },
    threads: 2,
    reason: 'the least of 2 processors allowed and 2 physical cores',
  },
  {
    title: 'both versions mounted: the smaller quota holds; a mount point may have blanks',
    files: {
      ...status('0-7'),
      ...siblings(alone, 8),
      'proc/self/cgroup': '3:cpu:/a\n0::/b\n',
      'proc/self/mountinfo': '41 31 0:31 / /sys/v1\\040cpu rw - cgroup cgroup rw,cpu\n42 31 0:32 / /sys/v2 rw - cgroup2 cgroup2 rw\n',
      'sys/v1 cpu/a/cpu.cfs_quota_us': '200000\n',
      'sys/v1 cpu/a/cpu.cfs_period_us': '50000\n',
      'sys/v2/b/cpu.max': '500000 100000\n',
    },
    threads: 4,
    reason: 'the least of 8 processors allowed, 8 physical cores and a CPU quota of 4 cores',
  },
  {
    title: 'without topology each processor counts as a core',
    files: status('0-5'),
    threads: 6,
    reason: '6 processors allowed',
  },
  {
    title: 'no /proc and no /sys, as on macOS: what the runtime reports',
    files: {},
    available: 10,
    threads: 10,
    reason: '10 processors',
  },
  {
    title: 'files that hold something else are passed over',
    files: { ...status('none'), 'proc/self/cgroup': 'nonsense\n:::\n0::/a\n', 'proc/self/mountinfo': 'x\n- - -\n1 2 3 / /sys/v2 rw - cgroup2 x rw\n', 'sys/v2/a/cpu.max': 'lots of it\n' },
    available: 2,
    threads: 2,
    reason: '2 processors',
  },
  {
    title: 'a machine of 512 cores: the most that may be asked for',
    files: { ...status('0-511'), ...siblings(alone, 512) },
    threads: 256,
    reason: 'the least of 512 processors allowed, 512 physical cores and 256, the most that are started',
  },
];

describe('the default number of threads', () => {
  for (const { title, files, available = 64, threads, reason } of cases) {
    test(title, () => assert.deepEqual(defaultThreads({ root: machine(files), available }), { threads, reason }));
  }

  test('a number that is asked for is taken whatever the machine has', () => {
    assert.deepEqual(chooseThreads(5, { root: machine(status('0')), available: 1 }), { threads: 5, reason: 'asked for' });
    assert.equal(chooseThreads(256).threads, 256);
  });

  test('what is no number of threads is refused with what is expected', () => {
    for (const threads of [0, -3, 2.5, 257, Number.POSITIVE_INFINITY]) {
      assert.throws(() => chooseThreads(threads), new RegExp(`^UsageError: --threads ${threads}: expected a whole number from 1 to 256$`));
    }
  });

  test('lists of processors', () => {
    assert.deepEqual(parseProcessorList('0-2,5,7-8\n'), [0, 1, 2, 5, 7, 8]);
    for (const text of ['', '3-1', 'a', '1,', '1-2-3', '-1']) assert.equal(parseProcessorList(text), undefined, text);
  });

  test('on this machine, bound to one processor, one thread is taken', { skip: spawnSync('taskset', ['--version']).status !== 0 ? 'taskset is not installed' : false }, () => {
    const program = `import(${JSON.stringify(new URL('./threads.js', import.meta.url).href)}).then(({ chooseThreads }) => process.stdout.write(String(chooseThreads(undefined).threads)))`;
    const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    const { stdout, stderr } = spawnSync('taskset', ['-c', allowed, process.execPath, '-e', program], { encoding: 'utf8' });
    assert.deepEqual([stdout, stderr], ['1', '']);
  });
});
