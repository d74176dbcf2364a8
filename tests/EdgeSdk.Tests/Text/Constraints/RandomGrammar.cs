using System.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Tests.Text.Constraints;

/// <summary>Grammars drawn at random, and a recogniser of their texts that shares nothing with the automaton: sets of positions, rule by rule.</summary>
internal sealed class RandomGrammar
{
    private readonly List<Expression> _rules = [];

    private abstract record Expression;

    private sealed record Literal(string Text) : Expression;

    private sealed record Class(char From, char To) : Expression;

    private sealed record Rule(int Index) : Expression;

    private sealed record Sequence(List<Expression> Parts) : Expression;

    private sealed record Choice(List<Expression> Parts) : Expression;

    private sealed record Repeat(Expression Part, int Least, int Most) : Expression;

    /// <summary>A grammar that has a text, and no rule that begins with itself.</summary>
    public static Constraint Draw(Random random, out RandomGrammar grammar)
    {
        while (true)
        {
            grammar = new RandomGrammar();
            int count = 1 + random.Next(4);
            for (int rule = 0; rule < count; rule++)
                grammar._rules.Add(Drawn(random, 3, rule, count, isGuarded: false));

            string source = grammar.ToString();
            try
            {
                return Constraint.Grammar(source);
            }
            catch (EdgeException e) when (e.Message.Contains("finite", StringComparison.Ordinal))
            {
                // Its recursion has no way out; the next draw may.
            }
        }
    }

    public bool Matches(string text) => Ends(_rules[0], text, [0]).Contains(text.Length);

    public override string ToString() => string.Join('\n', _rules.Select((rule, i) => $"{Name(i)} ::= {Written(rule)}"));

    /// <summary>Rules are called that come later, or any behind a literal: none begins with itself.</summary>
    private static Expression Drawn(Random random, int depth, int rule, int count, bool isGuarded)
    {
        Expression Inner(bool guarded) => Drawn(random, depth - 1, rule, count, guarded);
        switch (random.Next(depth > 0 ? 7 : 3))
        {
            case 0:
                return new Literal(((string[])["a", "b", "ab", "(", ")", "é", "日本", "the"])[random.Next(8)]);
            case 1:
                return ((Class[])[new('a', 'c'), new('0', '9'), new('à', 'ÿ')])[random.Next(3)];
            case 2:
                int least = isGuarded ? 0 : rule + 1;
                return least < count ? new Rule(random.Next(least, count)) : new Literal("x");
            case 3 or 4:
                var first = Inner(isGuarded);
                return new Sequence([first, .. Enumerable.Range(0, 1 + random.Next(2)).Select(_ => Inner(isGuarded || first is Literal or Class))]);
            case 5:
                return new Choice([Inner(isGuarded), Inner(isGuarded)]);
            default:
                int from = random.Next(3);
                return new Repeat(Inner(isGuarded), from, random.Next(3) == 0 ? int.MaxValue : from + random.Next(3));
        }
    }

    private static string Name(int rule) => rule == 0 ? "root" : $"r{rule}";

    private static string Written(Expression expression) => expression switch
    {
        Literal literal => $"\"{literal.Text}\"",
        Class c => $"[{c.From}-{c.To}]",
        Rule rule => Name(rule.Index),
        Sequence sequence => "(" + string.Join(' ', sequence.Parts.Select(Written)) + ")",
        Choice choice => "(" + string.Join(" | ", choice.Parts.Select(Written)) + ")",
        Repeat repeat => new StringBuilder("(").Append(Written(repeat.Part)).Append("){").Append(repeat.Least).Append(',').Append(repeat.Most == int.MaxValue ? "" : repeat.Most).Append('}').ToString(),
        _ => throw new InvalidOperationException(),
    };

    /// <summary>Where a match can end that begins at one of the places.</summary>
    private HashSet<int> Ends(Expression expression, string text, HashSet<int> starts)
    {
        if (starts.Count == 0)
            return [];

        switch (expression)
        {
            case Literal literal:
                return [.. starts.Where(at => string.CompareOrdinal(text, at, literal.Text, 0, literal.Text.Length) == 0).Select(at => at + literal.Text.Length)];
            case Class c:
                return [.. starts.Where(at => at < text.Length && text[at] >= c.From && text[at] <= c.To).Select(at => at + 1)];
            case Rule rule:
                return Ends(_rules[rule.Index], text, starts);
            case Sequence sequence:
                return sequence.Parts.Aggregate(starts, (at, part) => Ends(part, text, at));
            case Choice choice:
                return [.. choice.Parts.SelectMany(part => Ends(part, text, starts))];
            default:
                var (part, least, most) = (Repeat)expression;
                var (at, ends) = (starts, least == 0 ? new HashSet<int>(starts) : []);
                for (int done = 1; done <= most && at.Count > 0; done++)
                {
                    at = Ends(part, text, at);
                    int before = ends.Count;
                    if (done >= least)
                        ends.UnionWith(at);

                    if (done > least && ends.Count == before)
                        break;
                }

                return ends;
        }
    }
}
