using System.Globalization;

namespace EstProv.Crash.Sweeping;

/// <summary>What is swept; the words stand in the usage.</summary>
internal sealed record SweepOptions
{
    public required string Tools { get; init; }

    public required string Stage { get; init; }

    public required string Folder { get; init; }

    public int Every { get; init; } = 1;

    public int Turn { get; init; }

    public string? Scenario { get; init; }

    public string? Daemon { get; init; }

    public int? At { get; init; }

    /// <summary>Of <see cref="At"/>.</summary>
    public string Place { get; init; } = "own";

    public int TokenEvery { get; init; } = 16;

    public int Workers { get; init; } = 3;

    public bool Unsynced { get; init; }

    /// <summary>Null when the words cannot be understood.</summary>
    public static SweepOptions? Parse(string[] words)
    {
        if (words.Length < 3) return null;
        var options = new SweepOptions
        {
            Tools = Path.GetFullPath(words[0]),
            Stage = Path.GetFullPath(words[1]),
            Folder = Path.GetFullPath(words[2]),
        };
        for (var i = 3; i < words.Length; i++)
        {
            if (words[i] == "--unsynced")
            {
                options = options with { Unsynced = true };
                continue;
            }

            if (i + 1 == words.Length || With(options, words[i], words[i + 1]) is not { } changed) return null;
            options = changed;
            i++;
        }

        return options;
    }

    private static SweepOptions? With(SweepOptions options, string name, string value)
    {
        switch (name)
        {
            case "--scenario":
                return Scenarios.All.Any(s => s.Name == value) ? options with { Scenario = value } : null;
            case "--daemon":
                return Device.Daemons.Names.Contains(value, StringComparer.Ordinal) ? options with { Daemon = value } : null;
            case "--place":
                return value is "own" or "token" ? options with { Place = value } : null;
            case "--turn":
                return long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var turn)
                    ? options with { Turn = (int)(turn % int.MaxValue) } : null;
        }

        if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1) return null;
        return name switch
        {
            "--every" => options with { Every = number },
            "--at" => options with { At = number },
            "--token-every" => options with { TokenEvery = number },
            "--workers" => options with { Workers = number },
            _ => null,
        };
    }
}
