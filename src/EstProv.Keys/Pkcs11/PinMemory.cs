using System.Security.Cryptography;
using System.Text;
using EstProv.Platform;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// Remembers on disk which PINs of the configuration a token has refused, so that no restart ever tries one again: a token locks itself
/// after a few wrong tries. An entry is forgotten by changing the configuration.
/// </summary>
/// <remarks>
/// One text line for each entry: <c>STATE HASH</c>. The hash covers the module, the token's label and serial number and the PIN, under a random salt of this
/// file. It is no protection of a four-digit PIN against who can read the file, who can read the configuration as well; it
/// keeps the PIN out of backups of the state folder. A PIN that was never accepted is noted as <c>trying</c> before it is tried, so that not even a
/// crash during the login tries it without end; an accepted one costs no further write.
/// </remarks>
internal sealed class PinMemory
{
    private const int MostInterrupted = 2;
    private const int MostEntries = 32;

    private readonly string _path;
    private readonly Lock _gate = new();
    private byte[]? _salt;
    private Dictionary<string, string> _states = new(StringComparer.Ordinal);

    /// <param name="path">The file; its folder exists.</param>
    public PinMemory(string path) => _path = path;

    public string Path => _path;

    /// <summary>The name of an entry: a PIN for a token.</summary>
    public string Entry(string modulePath, string token, ReadOnlySpan<byte> pin)
    {
        lock (_gate)
        {
            Load();
            using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _salt!);
            hash.AppendData(Encoding.UTF8.GetBytes($"{modulePath}\n{token}\n"));
            hash.AppendData(pin);
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <summary>Whether the token may be asked. Notes the try before it is made, where the PIN is new.</summary>
    /// <exception cref="ProblemException">The state cannot be written: then nothing may be tried.</exception>
    public bool MayTry(string entry)
    {
        lock (_gate)
        {
            Load();
            var state = _states.GetValueOrDefault(entry, "");
            if (state == "accepted") return true;
            if (state == "refused") return false;
            var tries = state.Length == 0 ? 1 : state == "trying" ? MostInterrupted : MostInterrupted + 1;
            if (tries > MostInterrupted) return false;
            Note(entry, tries == 1 ? "trying" : "trying-again");
            try
            {
                Save();
            }
            catch (ProblemException)
            {
                Note(entry, state.Length == 0 ? null : state);
                throw;
            }

            return true;
        }
    }

    public void Accepted(string entry)
    {
        lock (_gate)
        {
            if (_states.GetValueOrDefault(entry) == "accepted") return;
            Note(entry, "accepted");
            Save();
        }
    }

    public void Refused(string entry)
    {
        lock (_gate)
        {
            // In memory first: a full disk must not lead to another try. On disk a new PIN says 'trying' already.
            var before = _states.GetValueOrDefault(entry);
            Note(entry, "refused");
            try
            {
                Save();
            }
            catch (ProblemException) when (before == "accepted")
            {
                // On disk it still says that the PIN is good, and a restart would try it once more: without the file it must be noted first.
                Forget();
                throw;
            }
        }
    }

    /// <summary>The login failed for another reason than the PIN: the note of the try is taken back.</summary>
    public void NotTried(string entry)
    {
        lock (_gate)
        {
            if (_states.GetValueOrDefault(entry) is not ("trying" or "trying-again")) return;
            Note(entry, null);
            Save();
        }
    }

    private void Load()
    {
        if (_salt is not null) return;
        var salt = RandomNumberGenerator.GetBytes(16);
        var states = new Dictionary<string, string>(StringComparer.Ordinal);
        string[] lines;
        try
        {
            lines = File.ReadAllLines(_path);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            lines = [];
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("file_permission", $"{_path} cannot be read, and without it no PIN is tried",
                "give the file to the Key Service's user", 503, cause);
        }

        foreach (var line in lines)
        {
            var space = line.IndexOf(' ');
            if (space <= 0) continue;
            var value = line[(space + 1)..];
            if (line[..space] != "salt") states[value] = line[..space];
            else salt = ParseSalt(value);
        }

        _states = states;
        _salt = salt;
    }

    private byte[] ParseSalt(string text)
    {
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException cause)
        {
            // Another salt would forget every refusal.
            throw new ProblemException("pins_damaged", $"{_path} is damaged, and without it no PIN is tried",
                "make sure that the PIN in the configuration is right, then delete the file", 503, cause);
        }
    }

    private void Forget()
    {
        try
        {
            File.Delete(_path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // A read-only file system: the caller's error says so.
            return;
        }
    }

    private void Note(string entry, string? state)
    {
        if (state is null) _states.Remove(entry);
        else _states[entry] = state;
    }

    private void Save()
    {
        var text = new StringBuilder($"salt {Convert.ToHexStringLower(_salt!)}\n");
        var skipped = Math.Max(0, _states.Count - MostEntries);
        foreach (var (name, value) in _states)
        {
            if (skipped-- <= 0) text.Append($"{value} {name}\n");
        }

        AtomicFile.Write(_path, Encoding.ASCII.GetBytes(text.ToString()));
    }
}
