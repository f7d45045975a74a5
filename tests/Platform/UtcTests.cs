using EstProv.Platform.Time;

namespace EstProv.Platform.Tests;

public sealed class UtcTests
{
    [Test]
    public void What_is_written_is_read()
    {
        var time = new DateTimeOffset(2026, 1, 31, 12, 0, 5, TimeSpan.Zero);
        Assert.That(Utc.Format(time.ToOffset(TimeSpan.FromHours(9))), Is.EqualTo("2026-01-31T12:00:05Z"));
        Assert.That(Utc.Parse("2026-01-31T12:00:05Z"), Is.EqualTo(time));
        Assert.That(Utc.Parse("2026-01-31T12:00:05.250Z"), Is.EqualTo(time.AddMilliseconds(250)), "a daemon's changes have milliseconds");
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("2026-01-31")]
    [TestCase("2026-01-31 12:00:05Z")]
    [TestCase("2026-01-31T12:00:05")]
    [TestCase("2026-01-31T12:00:05+01:00")]
    [TestCase("2026-02-30T12:00:05Z")]
    [TestCase("2026-01-31T12:00:05Z ")]
    public void What_is_of_another_form_is_no_time(string? text) => Assert.That(Utc.Parse(text), Is.Null);
}
