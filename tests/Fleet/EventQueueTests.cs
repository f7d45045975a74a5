using EstProv.Fleet.Simulation;

namespace EstProv.Fleet.Tests;

public sealed class EventQueueTests
{
    [Test]
    public void Events_come_in_the_order_of_their_time_and_members_whenever_they_were_added()
    {
        const int members = 5000;
        var (random, end) = (new Random(3), (long)TimeSpan.FromDays(2).TotalMilliseconds);
        var queue = new EventQueue(members, end);
        for (var member = 0; member < members; member++) queue.Add(member, random.NextInt64(end / 2));

        (long Due, int Member) before = (-1, -1);
        var taken = 0;
        while (queue.TryTake(out var member, out var due))
        {
            Assert.That((due, member).CompareTo(before), Is.Positive);
            before = (due, member);
            taken++;
            // Some at once, some later in the same minute, some past the end.
            if (random.Next(3) > 0) queue.Add(member, due + 1 + random.NextInt64(random.Next(2) == 0 ? 30_000 : end));
        }

        Assert.That(taken, Is.GreaterThan(members * 3 / 2));
        Assert.That(before.Due, Is.LessThanOrEqualTo(end));
    }
}
