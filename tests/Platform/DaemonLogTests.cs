using EstProv.Platform.Logging;
using Microsoft.Extensions.Logging;

namespace EstProv.Platform.Tests;

/// <summary>Standard error is the process's: these tests run alone.</summary>
[NonParallelizable]
internal sealed class DaemonLogTests
{
    [Test]
    public void What_was_logged_is_written_when_the_log_has_been_disposed_of()
    {
        const int Messages = 200;
        var before = Console.Error;
        using var written = new StringWriter();
        Console.SetError(written);
        try
        {
            using var log = DaemonLog.Create(LogLevel.Information);
            var logger = log.CreateLogger("keyd");
            for (var i = 0; i < Messages; i++) logger.LogCritical("the last words, {Number}", i);
        }
        finally
        {
            Console.SetError(before);
        }

        Assert.That(written.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(Messages));
    }

    /// <summary>A daemon that starts itself anew ends its log first; should it fail to, it still says so.</summary>
    [Test]
    public void What_is_logged_after_that_is_written_at_once()
    {
        var before = Console.Error;
        using var written = new StringWriter();
        Console.SetError(written);
        try
        {
            var log = DaemonLog.Create(LogLevel.Information);
            var logger = log.CreateLogger("keyd");
            log.Dispose();
            logger.LogCritical("could not");
            Assert.That(written.ToString(), Does.Contain("could not"));
        }
        finally
        {
            Console.SetError(before);
        }
    }
}
