using EstProv.Platform.Time;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Platform.Tests;

public sealed class BelievedClockTests
{
    private static readonly DateTimeOffset Now = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private FakeTimeProvider _time = new(Now);
    private string _file = "";

    [SetUp]
    public void MakeFile()
    {
        _time = new FakeTimeProvider(Now);
        _file = Path.Combine(Directory.CreateTempSubdirectory("clock-").FullName, "clock");
    }

    [TearDown]
    public void RemoveFile() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    [Test]
    public void A_server_that_was_a_year_ahead_is_put_right_by_the_next_one_also_over_a_restart()
    {
        var clock = Clock();
        Assert.That(clock.Corroborate(Now.AddYears(1)), Is.True, "a device whose clock stood still has nothing better");
        Assert.That(clock.IsBelieved, Is.False);
        clock = Clock();
        Assert.That(clock.Now, Is.EqualTo(Now.AddYears(1)));

        clock.Corroborate(Now);

        Assert.That(clock.IsBelieved, Is.True);
        Assert.That(Clock().IsBelieved, Is.True);
    }

    [Test]
    public void A_certificate_from_the_future_is_put_right_too()
    {
        var clock = Clock();
        clock.Raise(Now.AddYears(1));
        Assert.That(clock.IsBelieved, Is.False);
        clock.Corroborate(Now);
        Assert.That(clock.IsBelieved, Is.True);
    }

    [Test]
    public void A_server_that_is_far_ahead_is_not_believed_after_others_have_agreed_with_the_clock()
    {
        var clock = Clock();
        clock.Corroborate(Now.AddSeconds(-2));
        _time.Advance(TimeSpan.FromDays(3));

        Assert.That(clock.Corroborate(Now.AddYears(1)), Is.False);

        Assert.That(clock.IsBelieved, Is.True);
        Assert.That(Clock().IsBelieved, Is.True);
    }

    [Test]
    public void When_the_clock_was_set_since_their_agreement_counts_no_more()
    {
        var time = new SetTime(_time);
        var clock = new BelievedClock(time, Now.AddYears(-1), _file);
        clock.Corroborate(Now);
        time.Offset = TimeSpan.FromDays(-90);

        Assert.That(clock.Corroborate(Now), Is.True);
        Assert.That(clock.Now, Is.EqualTo(Now));
    }

    [Test]
    public void The_time_before_the_build_is_never_believed()
    {
        var clock = new BelievedClock(_time, Now.AddDays(1), _file);
        clock.Corroborate(Now.AddYears(-1));
        Assert.That(clock.Now, Is.EqualTo(Now.AddDays(1)));
    }

    [Test]
    public void It_is_stored_once_an_hour_at_most()
    {
        var clock = Clock();
        clock.Corroborate(Now);
        var written = File.ReadAllText(_file);
        Tell(TimeSpan.FromMinutes(59));
        Assert.That(File.ReadAllText(_file), Is.EqualTo(written));
        Tell(TimeSpan.FromMinutes(2));
        Assert.That(File.ReadAllText(_file), Is.Not.EqualTo(written));

        void Tell(TimeSpan later)
        {
            _time.Advance(later);
            clock.Corroborate(_time.GetUtcNow());
        }
    }

    [TestCase("")]
    [TestCase("yesterday")]
    public void A_file_that_says_nothing_is_as_good_as_none(string content)
    {
        File.WriteAllText(_file, content);
        Assert.That(Clock().IsBelieved, Is.True);
    }

    [Test]
    public void Nor_does_one_that_cannot_be_read_keep_the_daemon_from_starting()
    {
        // Reading it fails with EIO for everybody, root as well.
        Assert.That(new BelievedClock(_time, Now.AddYears(-1), "/proc/self/mem").IsBelieved, Is.True);
    }

    private BelievedClock Clock() => new(_time, Now.AddYears(-1), _file);

    private sealed class SetTime(TimeProvider real) : TimeProvider
    {
        public TimeSpan Offset { get; set; }

        public override long TimestampFrequency => real.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => real.GetUtcNow() + Offset;

        public override long GetTimestamp() => real.GetTimestamp();
    }
}
