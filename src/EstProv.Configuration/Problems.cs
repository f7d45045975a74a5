namespace EstProv.Configuration;

/// <summary>Collects what is wrong; nothing stops at the first error.</summary>
internal sealed class Problems
{
    private readonly List<ConfigurationProblem> _errors = [];
    private readonly List<ConfigurationProblem> _warnings = [];

    public int ErrorCount => _errors.Count;

    public void Error(Position position, string message, string hint) => _errors.Add(new(position, message, hint));

    public void Warn(Position position, string message, string hint) => _warnings.Add(new(position, message, hint));

    /// <summary>The result, its problems ordered by file (as loaded), line and column.</summary>
    public Loaded<T> Finish<T>(T? value, IReadOnlyList<string> files)
        where T : class
    {
        return new Loaded<T>(value, InOrder(_errors, files), InOrder(_warnings, files));
    }

    private static ConfigurationProblem[] InOrder(List<ConfigurationProblem> problems, IReadOnlyList<string> files)
    {
        var rank = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var file in files) rank.TryAdd(file, rank.Count);
        var places = new (int File, int Line, int Column, int Index)[problems.Count];
        var sorted = problems.ToArray();
        for (var i = 0; i < sorted.Length; i++)
        {
            var position = sorted[i].Position;
            places[i] = (rank.GetValueOrDefault(position.File, int.MaxValue), position.Line, position.Column, i);
        }

        Array.Sort(places, sorted);
        return sorted;
    }
}
