using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov rescue</c>: what an operator brings when all else has expired.</summary>
internal static class RescueCommand
{
    private const string DefaultWait = "60s";
    private const int LargestFile = 64 * 1024, LongestPassword = 1024;

    private static readonly Option User = new("--user", "NAME", "a one-time user name instead of a file");

    private static readonly Option PasswordFile = new("--password-file", "FILE", "file with its password; - reads it from the standard input");

    private static readonly Option Wait = new("--wait", "TIME", $"how long to wait for the new EST identity, 5m at most; default {DefaultWait}");

    public static readonly Command Rescue = new()
    {
        Name = "rescue",
        WordNames = "[FILE]",
        Summary = "Gets a new EST identity when all else has expired",
        Details = """
            Either a signed rescue file (CMS, DER or PEM), or --user with --password-file: a one-time credential
            of the EST server, which is kept in memory only and forgotten when it has been of use, after three
            refusals, or a day later. Each use is an audit line of the Certificates Service.
            Exit code: 0 when there is a new EST identity or the file's anchors are taken; 1 when not (yet).
            """,
        Options = [User, PasswordFile, Wait, Option.RuntimeDir],
        Run = Run,
    };

    private static int Run(CommandLine line, Terminal terminal)
    {
        var (user, password, wait) = (line.Value(User.Name), line.Value(PasswordFile.Name), RenewCommand.WaitOf(line, Wait, DefaultWait));
        if (user is null != password is null) throw new UsageException($"{User.Name} and {PasswordFile.Name} go together");
        if (line.Words.Count == 1 == user is not null) throw new UsageException($"rescue needs either FILE or {User.Name}");
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var answer = user is null ? SendFile(daemons, line.Words[0], wait) : SendCredential(daemons, user, password!, wait);
        if (Json.Text(answer, "state") == "current")
        {
            terminal.Line("the device has a new EST identity; the rest follows by itself");
            return 0;
        }

        if (Json.Text(answer, "state") == "taken")
        {
            terminal.Line("EST servers are verified by the file's certificates too from now on");
            return 0;
        }

        RenewCommand.WriteProblem(terminal, answer, "it is taken; the new EST identity is not there yet");
        return 1;
    }

    private static JsonElement SendFile(DaemonClients daemons, string path, TimeSpan wait)
    {
        using var file = Read(path, LargestFile);
        return daemons.Rescue(file.Span, "application/cms", wait);
    }

    private static JsonElement SendCredential(DaemonClients daemons, string user, string passwordFile, TimeSpan wait)
    {
        using var password = Read(passwordFile, LongestPassword);
        while (password.Length > 0 && password.Span[^1] is (byte)'\r' or (byte)'\n') password.Truncate(password.Length - 1);
        if (!Utf8.IsValid(password.Span)) throw new ProblemException("password_encoding", $"{passwordFile} holds no UTF-8", "write the password in UTF-8");
        if (password.Length == 0) throw new ProblemException("password_empty", $"{passwordFile} holds no password", "write it into the file's first line");
        var body = new ArrayBufferWriter<byte>(8 * LongestPassword);
        try
        {
            using var json = new Utf8JsonWriter(body);
            json.WriteStartObject();
            json.WriteString("user"u8, user);
            json.WriteString("password"u8, password.Span);
            json.WriteNumber("waitSeconds"u8, wait.TotalSeconds);
            json.WriteEndObject();
            json.Flush();
            return daemons.Rescue(body.WrittenSpan, "application/json", wait);
        }
        finally
        {
            body.Clear();
        }
    }

    private static LockedSecret Read(string path, int largest)
    {
        var content = new LockedSecret(largest + 1);
        try
        {
            using var stream = path == "-" ? Console.OpenStandardInput() : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            var length = stream.ReadAtLeast(content.Span, largest + 1, throwOnEndOfStream: false);
            if (length > largest) throw new ProblemException("file_too_large", $"{path} is larger than {largest} bytes", "is it the right file?");
            content.Truncate(length);
            return content;
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            content.Dispose();
            throw new ProblemException("file_read", $"cannot read {path}", "check the path and its permissions", inner: cause);
        }
    }
}
