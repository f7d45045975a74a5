using System.Buffers;
using System.Text;
using System.Text.Unicode;
using EstProv.Configuration.Secrets;
using EstProv.Platform;

namespace EstProv.Configuration;

/// <summary>Opens and decodes the files of a configuration.</summary>
internal class ConfigurationFiles
{
    /// <summary>In bytes; ours have a few hundred.</summary>
    public const int Largest = 1024 * 1024;

    private readonly HashSet<string> _readableByOthers = new(StringComparer.Ordinal);

    /// <summary>What was cut out of the texts.</summary>
    public CutSecrets Secrets { get; } = new();

    /// <summary>Whether every user of the machine may read this file, which <see cref="Read"/> has read.</summary>
    public bool IsReadableByOthers(string file) => _readableByOthers.Contains(file);

    /// <summary>The <c>*.toml</c> of a folder in byte order of their names; none when there is no such folder.</summary>
    public IReadOnlyList<string> DropIns(string folder, Problems problems)
    {
        var names = new List<string>();
        try
        {
            if (File.Exists(folder))
            {
                problems.Error(Whole(folder), "this is a file; allowed: a folder of drop-ins (*.toml)", "--config-dir DIR names the folder to a daemon");
                return names;
            }

            if (!Directory.Exists(folder)) return names;
            foreach (var path in List(folder))
            {
                var name = Path.GetFileName(path);
                // A leading dot: an editor's lock or swap file.
                if (name.EndsWith(".toml", StringComparison.Ordinal) && name[0] != '.') names.Add(path);
            }
        }
        catch (UnauthorizedAccessException)
        {
            problems.Error(Whole(folder), "cannot list this folder: permission denied", "give the daemon's user the right to read it");
        }
        catch (IOException cause)
        {
            problems.Error(Whole(folder), $"cannot list this folder (error {cause.HResult & 0xFFFF})", "check the file system");
        }

        names.Sort(static (a, b) => Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b)));
        return names;
    }

    /// <summary>The text of a file without its secrets, or null: then the problems say why.</summary>
    public string? Read(string file, Problems problems)
    {
        try
        {
            if (file.Length == 0)
            {
                problems.Error(Whole("(no name)"), "the configuration file has no name", "--config FILE names it to a daemon, --dir DIR its folder to estprov");
                return null;
            }

            if (Directory.Exists(file))
            {
                problems.Error(Whole(file), "this is a folder; allowed: a TOML file",
                    "move it away, or give it a name that does not end in .toml");
                return null;
            }

            using var stream = Open(file);
            using var bytes = ReadAll(stream, out var length);
            if (bytes is null)
            {
                problems.Error(Whole(file), "larger than 1 MiB; allowed: a TOML file of at most 1 MiB", "is this the right file?");
                return null;
            }

            if (stream is FileStream { SafeFileHandle: var handle } && (File.GetUnixFileMode(handle) & UnixFileMode.OtherRead) != UnixFileMode.None)
            {
                _readableByOthers.Add(file);
            }

            return Decode(bytes.Bytes[..length], file, problems);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            problems.Error(Whole(file), "no such file", "--config FILE names it to a daemon, --dir DIR its folder to estprov");
        }
        catch (UnauthorizedAccessException)
        {
            problems.Error(Whole(file), "cannot read this file: permission denied", "give the daemon's user the right to read it: chgrp, chmod 0640");
        }
        catch (IOException cause)
        {
            problems.Error(Whole(file), $"cannot read this file (error {cause.HResult & 0xFFFF})", "check the file system");
        }

        return null;
    }

    protected virtual Stream Open(string file) => new FileStream(file, new FileStreamOptions { Mode = FileMode.Open, BufferSize = 0 });

    protected virtual IEnumerable<string> List(string folder) => Directory.EnumerateFileSystemEntries(folder);

    // Grows from a usual file's size, so that no large buffer is ever made in a daemon whose memory counts. Null: larger than allowed.
    private static LockedPages? ReadAll(Stream stream, out int length)
    {
        var size = 8 * 1024;
        var buffer = new LockedPages(size);
        length = 0;
        try
        {
            while (true)
            {
                length += stream.ReadAtLeast(buffer.Bytes[length..size], size - length, throwOnEndOfStream: false);
                if (length < size) return Interlocked.Exchange(ref buffer, null);
                if (length > Largest) return null;
                size = Math.Min(size * 2, Largest + 1);
                var larger = new LockedPages(size);
                buffer.Bytes[..length].CopyTo(larger.Bytes);
                buffer.Dispose();
                buffer = larger;
            }
        }
        finally
        {
            buffer?.Dispose();
        }
    }

    private string? Decode(ReadOnlySpan<byte> bytes, string file, Problems problems)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble)) bytes = bytes[3..];
        if (bytes.IndexOf((byte)0) is >= 0 and var zero)
        {
            problems.Error(PositionOf(bytes[..zero], file), "a NUL byte; allowed: text", "is this the right file?");
            return null;
        }

        using var pages = new LockedPages(bytes.Length * sizeof(char));
        var text = pages.Chars[..bytes.Length];
        if (Utf8.ToUtf16(bytes, text, out var read, out var written, replaceInvalidSequences: false) != OperationStatus.Done)
        {
            problems.Error(PositionOf(bytes[..read], file), "not UTF-8; allowed: text in UTF-8", "save the file in the encoding UTF-8");
            return null;
        }

        SecretCutter.Run(text[..written], Secrets);
        return new string(text[..written]);
    }

    private static Position PositionOf(ReadOnlySpan<byte> before, string file)
    {
        var lastLine = before[(before.LastIndexOf((byte)'\n') + 1)..];
        return new Position(file, before.Count((byte)'\n') + 1, Encoding.UTF8.GetCharCount(lastLine) + 1);
    }

    private static Position Whole(string file) => new(file, 0, 0);
}
