using System.Buffers;
using System.Text;
using EstProv.Certificates.Store;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Certificates.Rescue;

/// <summary>
/// The text of a rescue file: <c>Name: value</c> lines, the first one <c>EstProv-Rescue: 1</c>, then, for anchors, PEM. Strict: what is not known
/// is refused, since whoever signed it meant something by it.
/// </summary>
internal static class RescueText
{
    private const string Opening = "EstProv-Rescue: 1";
    private const int LongestSerial = 64, MostLines = 64, HashDigits = 64;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Longer, and too many serials would have to be remembered.</summary>
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(92);

    /// <exception cref="ProblemException"><c>rescue_unreadable</c>.</exception>
    public static RescueOrder Read(ReadOnlySpan<byte> content)
    {
        var pemAt = content.IndexOf("-----BEGIN"u8);
        var head = pemAt < 0 ? content : content[..pemAt];
        var fields = new Fields();
        var lines = 0;
        try
        {
            while (!head.IsEmpty)
            {
                var end = head.IndexOf((byte)'\n');
                var line = end < 0 ? head : head[..end];
                head = end < 0 ? [] : head[(end + 1)..];
                if (line.EndsWith("\r"u8)) line = line[..^1];
                if (++lines > MostLines) throw RescueProblems.Text("it has too many lines");
                if (lines == 1)
                {
                    if (!line.SequenceEqual(Encoding.ASCII.GetBytes(Opening)))
                        throw RescueProblems.Text($"it does not begin with the line '{Opening}'");
                }
                else if (!line.IsEmpty)
                {
                    fields.Take(line);
                }
            }

            return fields.ToOrder(pemAt < 0 ? "" : PemText.CertificatesOf(content[pemAt..].ToArray()));
        }
        catch (ProblemException)
        {
            fields.Password?.Dispose();
            throw;
        }
    }

    private sealed class Fields
    {
        private readonly Dictionary<string, string> _once = new(StringComparer.Ordinal);
        private readonly List<string> _devices = [], _keys = [];

        public LockedSecret? Password { get; private set; }

        public void Take(ReadOnlySpan<byte> line)
        {
            var colon = line.IndexOf(": "u8);
            if (colon <= 0) throw RescueProblems.Text("a line has no ': '");
            var name = Encoding.UTF8.GetString(line[..colon]);
            var value = line[(colon + 2)..];
            switch (name)
            {
                case "Password":
                    if (Password is not null) throw RescueProblems.Text("Password stands there twice");
                    Password = new LockedSecret(value.Length);
                    value.CopyTo(Password.Span);
                    break;
                case "Device":
                    _devices.Add(Encoding.UTF8.GetString(value));
                    break;
                case "Device-Key":
                    _keys.Add(Key(Encoding.UTF8.GetString(value)));
                    break;
                case "Serial" or "Not-Before" or "Not-After" or "Allow" or "User":
                    if (!_once.TryAdd(name, Encoding.UTF8.GetString(value))) throw RescueProblems.Text($"{name} stands there twice");
                    break;
                default:
                    throw RescueProblems.Text($"'{(name.Length > 32 ? name[..32] : name).ReplaceLineEndings(" ")}' is not known");
            }
        }

        public RescueOrder ToOrder(string anchors)
        {
            var order = new RescueOrder
            {
                Serial = Serial(),
                Devices = _devices,
                DeviceKeys = _keys,
                NotBefore = Time("Not-Before"),
                NotAfter = Time("Not-After"),
                Allow = Need("Allow") switch
                {
                    "bootstrap" => RescueAllowance.Bootstrap,
                    "one-time" => RescueAllowance.OneTime,
                    "anchors" => RescueAllowance.Anchors,
                    _ => throw RescueProblems.Text("Allow is neither bootstrap, one-time nor anchors"),
                },
                Username = _once.GetValueOrDefault("User"),
                Password = Password,
                Anchors = anchors,
            };
            if (_devices.Count + _keys.Count == 0) throw RescueProblems.Text("it names no device (Device or Device-Key)");
            if (order.NotAfter <= order.NotBefore || order.NotAfter - order.NotBefore > LongestLife)
                throw RescueProblems.Text($"it must be valid for some time, and {LongestLife.Days} days at most");
            var isOneTime = order.Allow == RescueAllowance.OneTime;
            if (isOneTime != order.Username is { Length: > 0 } || isOneTime != order.Password is { Length: > 0 })
                throw RescueProblems.Text("User and Password go with 'Allow: one-time', both, and with nothing else");
            if (order.Username?.Contains(':', StringComparison.Ordinal) == true) throw RescueProblems.Text("User has a colon in it");
            return (order.Allow == RescueAllowance.Anchors) == (anchors.Length > 0)
                ? order
                : throw RescueProblems.Text("certificates go with 'Allow: anchors', at least one, and with nothing else");
        }

        private string Serial()
        {
            var serial = Need("Serial");
            return serial.Length is > 0 and <= LongestSerial && !serial.AsSpan().ContainsAnyExceptInRange('!', '~')
                ? serial
                : throw RescueProblems.Text($"Serial is not 1 to {LongestSerial} visible characters");
        }

        private DateTimeOffset Time(string name) =>
            Utc.Parse(Need(name)) ?? throw RescueProblems.Text($"{name} is no time like 2026-01-31T12:00:00Z");

        private string Need(string name) => _once.GetValueOrDefault(name) ?? throw RescueProblems.Text($"it has no {name}");

        private static string Key(string text)
        {
            var digits = text.Replace(":", "", StringComparison.Ordinal).ToLowerInvariant();
            return digits.Length == HashDigits && !digits.AsSpan().ContainsAnyExcept(HexDigits)
                ? digits
                : throw RescueProblems.Text("Device-Key is no SHA-256 in hexadecimal");
        }
    }
}
