using System.Text;
using EdgeSdk.Sampling;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Benchmarks;

/// <summary>
/// Masks at a vocabulary of 150,000: GPT-2's own 50,257 tokens and 99,743 more that are put together from them and from other scripts, as larger
/// vocabularies have. A walk writes valid texts, choosing among the allowed tokens at random; each step's time on the
/// processor is that of taking a token and making the next mask.
/// </summary>
internal static class ConstraintBenchmark
{
    private const int Vocabulary = 150_000;
    private const int Texts = 24;
    private const int MostTokens = 256;

    public static int Run()
    {
        var (tokens, end) = MakeTokens();
        double start = ThreadClock.Seconds();
        var vocabulary = new ConstraintVocabulary(tokens, [end], _ => null);
        Console.WriteLine($"vocabulary of {vocabulary.Count} tokens, {vocabulary.Trie.Nodes.Length} nodes, sorted in {(ThreadClock.Seconds() - start) * 1e3:F0} ms");
        Console.WriteLine($"the sampler without a constraint: {SamplerMicroseconds(vocabulary):F0} us");
        Console.WriteLine($"{"constraint",-22}{"compile ms",12}{"1st mask us",13}{"again us",10}{"first texts: mean",20}{"p50",7}{"p95",7}{"p99",7}{"after: mean",13}{"p50",7}{"p95",7}{"p99",7}{"tokens",9}{"MB",7}");
        foreach (var (name, kind, source) in Sources())
            Measure(name, kind, source, vocabulary);

        return 0;
    }

    private static void Measure(string name, string kind, string source, ConstraintVocabulary vocabulary)
    {
        ulong[] mask = new ulong[vocabulary.MaskLength];
        Constraint.Regex("warm up " + name).Begin(vocabulary).Allowed(mask);
        double start = ThreadClock.Seconds();
        var constraint = Constraint.Parse(kind, source);
        double compile = Since(start) / 1e3;
        start = ThreadClock.Seconds();
        constraint.Begin(vocabulary, 0, MostTokens).Allowed(mask);
        double first = Since(start);
        start = ThreadClock.Seconds();
        Constraint.Parse(kind, source).Begin(vocabulary, 0, MostTokens).Allowed(mask);
        double again = Since(start);

        var random = new Random(1);
        var cold = new List<double>();
        var steady = new List<double>();
        for (int text = 0; text < Texts; text++)
            Walk(constraint.Begin(vocabulary, 0, MostTokens), random, mask, text < Texts / 4 ? cold : steady);

        Console.WriteLine(
            $"{name,-22}{compile,12:F1}{first,13:F0}{again,10:F0}{cold.Average(),20:F1}{At(cold, 0.5),7:F1}{At(cold, 0.95),7:F0}{At(cold, 0.99),7:F0}{steady.Average(),13:F1}{At(steady, 0.5),7:F1}{At(steady, 0.95),7:F0}{At(steady, 0.99),7:F0}{steady.Count,9}{constraint.Bytes / 1e6,7:F1}");
    }

    private static void Walk(ConstraintState state, Random random, ulong[] mask, List<double> times)
    {
        state.Allowed(mask);
        while (true)
        {
            int token = Draw(mask, random);
            double start = ThreadClock.Seconds();
            state.TryAdvance(token);
            if (!state.IsOpen)
                return;

            state.Allowed(mask);
            times.Add(Since(start));
        }
    }

    private static int Draw(ulong[] mask, Random random)
    {
        // A sixth of the tokens are of the first ones, signs and digits, so that strings end as they do in practice.
        if (random.Next(6) == 0 && mask[0] != 0)
            mask = [mask[0]];

        int count = mask.Sum(word => System.Numerics.BitOperations.PopCount(word));
        int rank = random.Next(count);
        for (int word = 0; ; word++)
        {
            int here = System.Numerics.BitOperations.PopCount(mask[word]);
            if (rank >= here)
            {
                rank -= here;
                continue;
            }

            ulong bits = mask[word];
            for (; rank > 0; rank--)
                bits &= bits - 1;

            return word * 64 + System.Numerics.BitOperations.TrailingZeroCount(bits);
        }
    }

    /// <summary>Microseconds that this thread has computed.</summary>
    private static double Since(double start) => (ThreadClock.Seconds() - start) * 1e6;

    private static double At(List<double> times, double share)
    {
        if (times.Count == 0)
            return 0;

        times.Sort();
        return times[(int)(share * (times.Count - 1))];
    }

    private static double SamplerMicroseconds(ConstraintVocabulary vocabulary)
    {
        var random = new Random(3);
        float[] logits = [.. Enumerable.Range(0, vocabulary.Count).Select(_ => random.NextSingle() * 20)];
        var spec = new SamplerSpec(0.7f, 1);
        var times = new List<double>();
        for (int i = 0; i < 400; i++)
        {
            double start = ThreadClock.Seconds();
            Sampler.Choose(logits, spec, i);
            times.Add(Since(start));
        }

        return At(times, 0.5);
    }

    private static (List<byte[]> Tokens, int End) MakeTokens()
    {
        var tokenizer = Tokenizer.Parse(File.ReadAllBytes(Repository.Data("tokenizers/gpt2/tokenizer.json")), "gpt2");
        var tokens = Enumerable.Range(0, tokenizer.VocabularySize).Select(id => tokenizer.IsSpecial(id) ? [] : tokenizer.BytesOf(id).ToArray()).ToList();
        string[] words = [.. tokens.Where(t => t.Length is > 1 and < 9 && t.All(b => char.IsAsciiLetter((char)b))).Select(Encoding.ASCII.GetString)];
        string[] marks = [.. tokens.Where(t => t.Length is > 0 and < 4 && t.All(b => b < 128 && !char.IsAsciiLetterOrDigit((char)b))).Select(Encoding.ASCII.GetString)];
        int[] scripts = [0x3B1, 0x430, 0x5D0, 0x627, 0x905, 0x3042, 0x4E00, 0xAC00];
        var random = new Random(7);
        var known = tokens.Select(Convert.ToHexString).ToHashSet();
        string Word() => words[random.Next(words.Length)];
        string Mark() => marks[random.Next(marks.Length)];
        while (tokens.Count < Vocabulary)
        {
            int script = scripts[random.Next(scripts.Length)];
            string text = random.Next(20) switch
            {
                < 8 => " " + Word() + Word(),
                < 12 => Word() + Word(),
                < 13 => Word() + Mark(),
                < 14 => Mark() + Word(),
                < 15 => Mark() + Mark(),
                _ => (random.Next(2) == 0 ? " " : "") + string.Concat(Enumerable.Range(0, 2 + random.Next(3)).Select(_ => (char)(script + random.Next(script >= 0x4E00 ? 3000 : 25)))),
            };
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            if (known.Add(Convert.ToHexString(bytes)))
                tokens.Add(bytes);
        }

        return (tokens, tokenizer.IdOf("<|endoftext|>")!.Value);
    }

    private static IEnumerable<(string Name, string Kind, string Source)> Sources()
    {
        yield return ("tool", "json-schema", """
            {"type":"object","properties":{"city":{"type":"string","description":"Where"},"unit":{"enum":["celsius","fahrenheit"]},"days":{"type":"integer","minimum":1,"maximum":14},"hourly":{"type":"boolean"}},"required":["city","unit"],"additionalProperties":false}
            """);
        yield return ("nested", "json-schema", """
            {"type":"object","properties":{"name":{"type":"string"},"items":{"type":"array","minItems":2,"maxItems":9,"items":{"type":"object","properties":{"id":{"type":"integer"},"tags":{"type":"array","items":{"type":"string"}},"price":{"type":"number","minimum":0.5},"note":{"type":["string","null"]}},"required":["id","tags","price"],"additionalProperties":false}}},"required":["name","items"],"additionalProperties":false}
            """);
        yield return ("strings up to 200", "json-schema", """{"type":"object","properties":{"a":{"type":"string","maxLength":200},"b":{"type":"string","minLength":20,"maxLength":2000}},"required":["a","b"],"additionalProperties":false}""");
        yield return ("enum of 400", "json-schema", "{\"type\":\"array\",\"minItems\":8,\"items\":{\"enum\":[" + string.Join(',', Enumerable.Range(0, 400).Select(i => $"\"{(char)('a' + i % 26)}{i * 7919 % 1000} of {i}\"")) + "]}}");
        yield return ("numbers", "json-schema", """{"type":"array","minItems":20,"items":{"type":"number","minimum":-12.5,"exclusiveMaximum":1024.25}}""");
        yield return ("formats", "json-schema", """{"type":"array","minItems":4,"items":{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"at":{"type":"string","format":"date-time"},"by":{"type":"string","format":"email"}},"required":["id","at","by"],"additionalProperties":false}}""");
        yield return ("patterns", "json-schema", """{"type":"array","minItems":4,"items":{"type":"object","properties":{"slug":{"type":"string","pattern":"^[a-z0-9]{1,40}(-[a-z0-9]{1,40}){0,5}$"},"any":{"type":"string","pattern":"ab+c|\\d{3}"},"code":{"type":"string","pattern":"^[A-Z]{2}[A-Za-z]{6,30}$"}},"required":["slug","any","code"],"additionalProperties":true}}""");
        yield return ("any JSON", "json-object", "");
        yield return ("regex of a date", "regex", @"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z");
        yield return ("regex of a sentence", "regex", @"(?:[A-Z][a-z]{0,15}(?: [a-z]{1,15}){2,12}[.!?] ?)+");
        yield return ("GBNF of JSON", "gbnf", """
            root   ::= object
            value  ::= object | array | string | number | ("true" | "false" | "null") ws
            object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
            array  ::= "[" ws ( value ("," ws value)* )? "]" ws
            string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
            number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
            ws ::= | " " | "\n" [ \t]{0,20}
            """);
        yield return ("GBNF of arithmetic", "gbnf", """
            root ::= expr ("\n" expr)*
            expr ::= term ([-+] term)*
            term ::= factor ([*/] factor)*
            factor ::= [0-9]+ ("." [0-9]+)? | [a-z] [a-z0-9]* | "(" expr ")" | "-" factor
            """);
        yield return ("GBNF of a language", "gbnf", """
            root ::= statement+
            statement ::= ( "let " name " = " expr ";" | "print(" expr ");" | "if (" expr ") " block (" else " block)? | "while (" expr ") " block | name " = " expr ";" ) nl
            block ::= "{" nl statement* "}"
            nl ::= "\n" " "{0,8}
            expr ::= unary (" " ("+" | "-" | "*" | "/" | "<" | ">" | "==" | "&&" | "||") " " unary)*
            unary ::= [-!]? (name ("(" (expr (", " expr)*)? ")")? | [0-9]+ | "\"" [^"\n]* "\"" | "(" expr ")")
            name ::= [a-zA-Z_] [a-zA-Z0-9_]*
            """);
    }
}
